//! The regular expressions that schemas of records need: letters, `.`, `[classes]`, `\d`, `\w`, `\s`, `^`, `$`, and
//! `* + ? {m} {m,} {m,n}`. No groups and no alternatives; a schema with those is refused.

/// The largest repetition; more would only make matching slow.
const MAX_REPEAT: usize = 1000;

enum Atom {
    Any,
    Start,
    End,
    Class { ranges: Vec<(char, char)>, negated: bool },
}

struct Piece {
    atom: Atom,
    least: usize,
    most: usize,
}

pub fn is_pattern(pattern: &str) -> bool {
    parse(pattern).is_some()
}

/// Whether `pattern` is found anywhere in `text`.
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some(pieces) = parse(pattern) else { return false };
    let letters: Vec<char> = text.chars().collect();
    (0..=letters.len()).any(|from| matches_at(&pieces, &letters, from))
}

fn matches_at(pieces: &[Piece], letters: &[char], at: usize) -> bool {
    let Some((piece, rest)) = pieces.split_first() else { return true };
    match &piece.atom {
        Atom::Start => return at == 0 && matches_at(rest, letters, at),
        Atom::End => return at == letters.len() && matches_at(rest, letters, at),
        _ => {}
    }
    let run =
        letters[at..].iter().take(piece.most).take_while(|letter| accepts(&piece.atom, **letter)).count();
    (piece.least..=run).rev().any(|count| matches_at(rest, letters, at + count))
}

fn accepts(atom: &Atom, letter: char) -> bool {
    match atom {
        Atom::Class { ranges, negated } => {
            ranges.iter().any(|(from, to)| (*from..=*to).contains(&letter)) != *negated
        }
        Atom::Any => letter != '\n',
        Atom::Start | Atom::End => false,
    }
}

fn parse(pattern: &str) -> Option<Vec<Piece>> {
    let mut rest = pattern;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let atom = parse_atom(&mut rest)?;
        let (least, most) = match atom {
            Atom::Start | Atom::End => (1, 1),
            _ => parse_repeat(&mut rest)?,
        };
        pieces.push(Piece { atom, least, most });
    }
    Some(pieces)
}

fn take(rest: &mut &str) -> Option<char> {
    let letter = rest.chars().next()?;
    *rest = &rest[letter.len_utf8()..];
    Some(letter)
}

fn parse_atom(rest: &mut &str) -> Option<Atom> {
    let ranges = match take(rest)? {
        '^' => return Some(Atom::Start),
        '$' => return Some(Atom::End),
        '.' => return Some(Atom::Any),
        '[' => return parse_class(rest),
        '\\' => parse_escape(rest)?,
        '(' | ')' | '|' | '*' | '+' | '?' | '{' | '}' | ']' => return None,
        letter => vec![(letter, letter)],
    };
    Some(Atom::Class { ranges, negated: false })
}

fn parse_escape(rest: &mut &str) -> Option<Vec<(char, char)>> {
    Some(match take(rest)? {
        'd' => vec![('0', '9')],
        'w' => vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')],
        's' => vec![(' ', ' '), ('\t', '\r')],
        letter if letter.is_alphanumeric() => return None,
        letter => vec![(letter, letter)],
    })
}

fn parse_class(rest: &mut &str) -> Option<Atom> {
    let negated = rest.starts_with('^');
    if negated {
        take(rest);
    }
    let mut ranges = Vec::new();
    loop {
        match take(rest)? {
            ']' => break,
            '\\' => ranges.extend(parse_escape(rest)?),
            from if rest.starts_with('-') && !rest.starts_with("-]") => {
                take(rest);
                let to = take(rest)?;
                if to == '\\' || to < from {
                    return None;
                }
                ranges.push((from, to));
            }
            letter => ranges.push((letter, letter)),
        }
    }
    (!ranges.is_empty()).then_some(Atom::Class { ranges, negated })
}

fn parse_repeat(rest: &mut &str) -> Option<(usize, usize)> {
    let repeat = match rest.chars().next() {
        Some('*') => (0, usize::MAX),
        Some('+') => (1, usize::MAX),
        Some('?') => (0, 1),
        Some('{') => return parse_counts(rest),
        _ => return Some((1, 1)),
    };
    take(rest);
    Some(repeat)
}

fn parse_counts(rest: &mut &str) -> Option<(usize, usize)> {
    let (inside, after) = rest[1..].split_once('}')?;
    *rest = after;
    let count = |digits: &str| digits.parse().ok().filter(|number| *number <= MAX_REPEAT);
    let (least, most) = match inside.split_once(',') {
        None => (count(inside)?, count(inside)?),
        Some((least, "")) => (count(least)?, usize::MAX),
        Some((least, most)) => (count(least)?, count(most)?),
    };
    (least <= most).then_some((least, most))
}
