# SPDX-License-Identifier: Apache-2.0
"""A Slurm of its own on this machine: a controller and two nodes, gone afterwards."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

CLIENTS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
PROGRAMS = ("slurmctld", "slurmd", "munged", *CLIENTS)
SEARCH_PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
NODES = ("node1", "node2")
CONFIG = """ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2
SlurmdTimeout=5
ReturnToService=2
JobRequeue=1
{nodes}
PartitionName=main Nodes=ALL Default=YES State=UP
"""


def missing():
    """Programs of Slurm that are not on this machine."""
    return [name for name in PROGRAMS if not shutil.which(name, path=SEARCH_PATH)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class SlurmCluster:
    """`environment` is what commands of this Slurm need; `folder` must be of one's own."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.daemons = {}
        self.environment = dict(os.environ)
        self.environment["PATH"] = f"{self.folder}/bin:{SEARCH_PATH}"
        self.environment["SLURM_CONF"] = str(self.folder / "slurm.conf")

    def write_clients(self):
        """Snakemake takes SLURM_CONF out of the environment: clusters have theirs in /etc."""
        (self.folder / "bin").mkdir()
        for name in CLIENTS:
            client = self.folder / "bin" / name
            real = shutil.which(name, path=SEARCH_PATH)
            client.write_text(
                f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {real} "$@"\n'
            )
            client.chmod(0o755)

    def start(self):
        self.write_clients()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        (self.folder / "state").mkdir()
        nodes = "\n".join(
            f"NodeName={name} NodeHostname={socket.gethostname()} NodeAddr=127.0.0.1 "
            f"Port={free_port()} CPUs=2 RealMemory=2000 State=UNKNOWN"
            for name in NODES
        )
        text = CONFIG.format(
            host=socket.gethostname(),
            user="root" if os.getuid() == 0 else os.environ["USER"],
            controller_port=free_port(),
            folder=self.folder,
            nodes=nodes,
        )
        (self.folder / "slurm.conf").write_text(text)
        kinds = ("key", "pid", "seed", "log")
        files = [f"--{kind}-file={self.folder}/munge.{kind}" for kind in kinds]
        self.spawn("munged", "munged", "--foreground", "--force", "--num-threads=1", *files,
                   f"--socket={self.folder}/munge.socket")
        self.wait_for(lambda: (self.folder / "munge.socket").exists(), "munged")
        self.spawn("slurmctld", "slurmctld", "-D", "-i")
        for name in NODES:
            self.start_node(name)
        self.wait_for(lambda: self.states() == ["idle"] * len(NODES), "the nodes")

    def start_node(self, name):
        self.spawn(name, "slurmd", "-D", "-N", name)

    def kill_node(self, name):
        """All at once, with what runs there, as when a machine loses its power."""
        daemon = self.daemons.pop(name)
        victims = [daemon.pid]
        for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:  # it has just ended
                continue
            mine = f"SLURM_CONF={self.folder}/slurm.conf".encode() in words
            if mine and f"SLURMD_NODENAME={name}".encode() in words:
                victims.append(int(path.parent.name))
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        daemon.wait()

    def states(self):
        """Of the nodes, as sinfo names them."""
        done = self.command("sinfo", "--noheader", "--Node", "--format=%T")
        return done.stdout.split()

    def command(self, *words):
        return subprocess.run(words, env=self.environment, capture_output=True, text=True)

    def stop(self):
        for daemon in reversed(self.daemons.values()):
            daemon.terminate()
        for daemon in self.daemons.values():
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def spawn(self, name, *words):
        with open(self.folder / f"{name}.out", "w") as out:
            self.daemons[name] = subprocess.Popen(
                words, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def wait_for(self, condition, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                logs = [p.read_text(errors="replace")[-2000:] for p in self.folder.glob("*.out")]
                raise RuntimeError(f"{what} did not start: {logs}")
            time.sleep(0.1)
