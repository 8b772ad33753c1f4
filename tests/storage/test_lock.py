"""Two servers never share a data folder (F22)."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hanlin.errors import Conflict
from hanlin.storage.lock import DataFolder, file_system

HOLD = """
import sys, time
from pathlib import Path
from hanlin.storage import DataFolder
folder = DataFolder.open(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def hold_elsewhere(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_server_refuses_with_the_pid_and_a_killed_one_leaves_no_stale_lock(tmp_path: Path) -> None:
    process = hold_elsewhere(tmp_path / "data")
    try:
        with pytest.raises(Conflict) as refused:
            DataFolder.open(tmp_path / "data")
        assert refused.value.message == f"The data folder is in use by process {process.pid}."
        assert refused.value.code == "data_folder_in_use"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    folder = DataFolder.open(tmp_path / "data")
    assert (tmp_path / "data" / ".lock").read_text() == f"{os.getpid()}\n"
    folder.close()


def test_the_same_process_cannot_open_it_twice_and_can_after_close(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path)
    with pytest.raises(Conflict, match=str(os.getpid())):
        DataFolder.open(tmp_path)
    folder.close()
    folder.close()
    DataFolder.open(tmp_path).close()


def test_the_folder_is_made_for_the_owner_only(tmp_path: Path) -> None:
    DataFolder.open(tmp_path / "new").close()
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:40 / /srv rw - xfs /dev/sdb rw
41 40 0:41 / /srv/team\\040share rw,relatime master:3 - nfs4 server:/export rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/data", "ext4"), ("/srv/data", "xfs"), ("/srv/team share/data", "nfs4"), ("/srv/team", "xfs")],
)
def test_the_innermost_mount_tells_the_file_system(path: str, kind: str) -> None:
    assert file_system(Path(path), MOUNTS) == kind


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hanlin.errors import Misconfigured
    from hanlin.storage import lock

    here = file_system(tmp_path, Path("/proc/self/mountinfo").read_text())
    assert here
    monkeypatch.setattr(lock, "NETWORK_FILE_SYSTEMS", frozenset({here}))
    with pytest.raises(Misconfigured, match="where locks do not hold"):
        DataFolder.open(tmp_path)
