"""What was measured, on disk: run folders and stored snapshots, written whole, versioned, and read with suspicion."""

from perf_action.recording.point_file import decode_point, encode_point
from perf_action.recording.run import Confirmation, Run, read_run, stage_profiles, write_run, write_trial
from perf_action.recording.snapshot_file import decode_snapshot, encode_snapshot, load_json

__all__ = [
    "Confirmation",
    "Run",
    "decode_point",
    "decode_snapshot",
    "encode_point",
    "encode_snapshot",
    "load_json",
    "read_run",
    "stage_profiles",
    "write_run",
    "write_trial",
]
