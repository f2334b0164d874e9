"""Where earlier measurements live, so that a change can be compared without measuring its base again."""

from perf_action.store.base import MAX_ENTRY_BYTES, Store
from perf_action.store.directory import DirectoryStore
from perf_action.store.git_branch import GitBranchStore
from perf_action.store.history import Commit, History, history_of, read_history
from perf_action.store.key import EntryKey, parse
from perf_action.store.opening import find_baseline, open_store, scratch_folder
from perf_action.store.remote import Remote, remote_of
from perf_action.store.saving import save
from perf_action.store.select import Candidate, Chosen, choose, select

__all__ = [
    "MAX_ENTRY_BYTES",
    "Candidate",
    "Chosen",
    "Commit",
    "DirectoryStore",
    "EntryKey",
    "GitBranchStore",
    "History",
    "Remote",
    "Store",
    "choose",
    "find_baseline",
    "history_of",
    "open_store",
    "parse",
    "read_history",
    "remote_of",
    "save",
    "scratch_folder",
    "select",
]
