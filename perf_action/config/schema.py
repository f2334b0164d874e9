"""The JSON schema of perf.yml, for editors (``# yaml-language-server: $schema=…``). Kept as resources/perf.schema.json."""

from __future__ import annotations

import json

from perf_action.config.groups import Config


def schema_text() -> str:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "perf.yml",
        **Config.model_json_schema(by_alias=True),
    }
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"
