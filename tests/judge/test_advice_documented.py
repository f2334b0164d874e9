"""docs/advice.md says what the rules say: `pytest tests/judge/test_advice_documented.py --update-golden` writes it anew."""

from __future__ import annotations

from pathlib import Path

from perf_action.judge.advice.rules import FILES, Rule, shipped_rules

DOCUMENT = Path(__file__).parents[2] / "docs" / "advice.md"
TITLES = {"any": "Any language", "python": "Python", "rust": "Rust", "go": "Go", "c-cpp": "C and C++"}
INTRODUCTION = """# What is advised, and when

The report says what to do about what it measured: the cause, how it was seen, where in the service's own code to begin,
what it could save at most, and what helps. A piece of advice appears only with evidence (stacks or numbers), only for
the language that the service is written in, and at most three appear in the comment; `report.json` has them all.

- **The share** is of all cost of that kind (CPU time, allocated bytes …). Advice is ranked by it. What lies under a
  function that got worse comes before everything else; a failed check of the checklist counts as a quarter at least.
- **Said once**: a precise rule (*a regular expression is compiled again and again*) silences the general one (*much of
  the time goes into regular expressions*) if it is about at least half of the same cost, or begins at the same line.
- **No noise**: at least 20 samples have to show it, unless everything was counted.
- **Where to begin** is the service's own function next to the cause, with file and line where the profile has them. What
  an event loop or a server runs is not the doing of the function that started it.
- C functions are only visible in a Python profile with `native: true`; without it many causes within built-ins are told
  as *one function takes much of the CPU time*, with the line.

The rules are data: `perf_action/resources/advice/*.yml`. Each has a condition and examples that must and must not trigger
it, and the tests run all of them. Conditions are shares of stacks found by globs (`name @ file`, under or not under
certain callers, at least so large), shares of categories, metrics above a limit, leaks, failed checks, and `all`, `any`
and `not` of these: `perf_action/judge/advice/rules.py` says what each key means.
"""


def written(rules: tuple[Rule, ...]) -> str:
    parts = [INTRODUCTION]
    for language in FILES:
        mine = [rule for rule in rules if rule.language == language]
        parts.append(f"## {TITLES[language]}\n\n| rule | seen by | what helps |\n|---|---|---|\n")
        parts += [_row(rule) for rule in mine]
        parts.append("\n")
    return "\n".join([parts[0], "".join(parts[1:])]).rstrip() + "\n"


def _row(rule: Rule) -> str:
    links = ", ".join(f"[{i}]({link})" for i, link in enumerate(rule.links, 1))
    help_ = "; ".join(rule.solutions)
    cells = [f"`{rule.id}`<br>{rule.title}", rule.symptom, f"{help_} ({links})"]
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |\n"


def _cell(text: str) -> str:
    title, line_break, rest = text.partition("<br>")
    return _escaped(title) + line_break + _escaped(rest)


def _escaped(text: str) -> str:
    for mark, instead in (("|", "\\|"), ("*", "\\*"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(mark, instead)
    return text


def test_the_document_says_what_the_rules_say(update_golden: bool) -> None:
    text = written(shipped_rules())
    if update_golden:
        DOCUMENT.write_text(text, encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == text


def test_there_is_advice_for_every_language() -> None:
    rules = shipped_rules()
    assert all(sum(rule.language == language for rule in rules) >= 10 for language in FILES)


def test_the_issues_of_the_guide_are_among_the_rules() -> None:
    ids = {rule.id for rule in shipped_rules()}
    assert ids >= {
        *(
            "serialization",
            "rust-serde-json",
            "memory-growth",
            "lock-contention",
            "rust-lock",
            "slow-queries",
        ),
        *("hot-function", "allocation-hot-spot", "fragmentation"),
    }
