"""The service with the settings of the environment: REGISTRY_DB (a file), API_KEY.

API_KEY=… python -m uvicorn registry.app:app
"""

from __future__ import annotations

import os

from registry.service import create_app

if not os.environ.get("API_KEY"):
    raise SystemExit("API_KEY is not set: nobody could use the registry")

app = create_app(os.environ.get("REGISTRY_DB", "registry.db"), os.environ["API_KEY"])
