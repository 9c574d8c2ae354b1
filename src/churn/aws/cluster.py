"""The machines of a run, and the Spark settings that fit them and the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from churn.aws.prices import Instance
from churn.aws.sizing import InputSize
from churn.errors import SettingsError

YARN_SHARE: Final = 0.75
"""Of a machine's memory; EMR gives YARN at least that much on every type in the price table."""

SPARED_MB: Final = 1024
"""Left on every machine for YARN's application master, which runs on one of them."""

OVERHEAD: Final = 0.25
"""Of an executor's memory, for Python and native code; XGBoost needs more than Spark's default."""

CORES: Final = 4
"""Of an executor at most: more of them share one Java heap badly."""

LEAST_DISK: Final = 64
MOST_DISK: Final = 2000
ROOT_DISK: Final = 30
"""GB of a machine's first disk, which is paid for like any other; the program's environment takes two of them."""

PYTHON: Final = "/opt/churn/bin/python"
"""Where the bootstrap puts it on every machine."""

SERVERLESS_WORKER: Final = Instance("worker", 4, 16, "x86_64")
SERVERLESS_DISK: Final = 20
"""GB that each worker has, free of charge."""


@dataclass(frozen=True)
class Shape:
    """The machines of a run.

    Attributes:
        primary: the machine of the driver.
        worker: the machines that read.
        workers: how many.
        spot: whether the workers are spot instances; the primary never is.
        disk: GB of disk for each machine.
        serverless: on EMR Serverless, where a machine is a worker of a fixed size.
    """

    primary: Instance
    worker: Instance
    workers: int
    spot: bool
    disk: int
    serverless: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.workers <= 1000:
            raise SettingsError(f"--workers is {self.workers}", "give a number from 1 to 1000")
        if self.primary.arch != self.worker.arch:
            raise SettingsError(
                f"{self.primary.name} is {self.primary.arch}, {self.worker.name} is {self.worker.arch}",
                "take machines of one kind",
            )

    @property
    def executors(self) -> Executors:
        """How the memory and processors of the workers are divided."""
        each = max(1, self.worker.vcpu // CORES)
        usable = self.worker.memory_gib * 1024
        if not self.serverless:
            usable = int(usable * YARN_SHARE) - SPARED_MB
        container = usable // each
        heap = int(container / (1 + OVERHEAD))
        return Executors(self.workers * each, min(CORES, self.worker.vcpu), heap, container - heap)

    @property
    def driver_mb(self) -> int:
        """Heap of the driver: half of its machine, since models may be trained beside it in Python."""
        return self.primary.memory_gib * 1024 // 2


@dataclass(frozen=True)
class Executors:
    """How many, processors of each, heap and the rest of the memory of each in MiB."""

    number: int
    cores: int
    heap_mb: int
    overhead_mb: int

    @property
    def tasks(self) -> int:
        """How many tasks run at the same time."""
        return self.number * self.cores


def disk_for(size: InputSize, workers: int) -> int:
    """GB for each machine: room for what a shuffle spills, three times the input, and the system's own."""
    return min(MOST_DISK, max(LEAST_DISK, 32 + 3 * size.unpacked // (workers * 10**9)))


def spark_settings(shape: Shape, size: InputSize) -> dict[str, str]:
    """Spark settings for the input and the machines, by name.

    Tasks behind a shuffle are not among them: the engine sets them for every query, by what it reads.
    """
    executors = shape.executors
    piece = min(128 * 2**20, max(16 * 2**20, size.stored // (3 * executors.tasks)))
    settings = {
        "spark.executor.instances": str(executors.number),
        "spark.executor.cores": str(executors.cores),
        "spark.executor.memory": f"{executors.heap_mb}m",
        "spark.executor.memoryOverhead": f"{executors.overhead_mb}m",
        "spark.driver.memory": f"{shape.driver_mb}m",
        "spark.driver.maxResultSize": f"{shape.driver_mb}m",
        "spark.scheduler.maxRegisteredResourcesWaitingTime": "300s",  # a machine may still be on its way
        "spark.dynamicAllocation.enabled": "false",  # XGBoost waits for ever where its slots come and go
        "spark.default.parallelism": str(2 * executors.tasks),
        "spark.sql.files.maxPartitionBytes": str(piece),
        "spark.io.encryption.enabled": "true",
    }
    if shape.serverless:
        return settings | {
            "spark.driver.cores": str(shape.primary.vcpu),
            "spark.emr-serverless.driver.disk": f"{shape.disk}G",
            "spark.emr-serverless.executor.disk": f"{shape.disk}G",
            "spark.ssl.internode.enabled": "true",
        }
    return settings | {
        "spark.pyspark.python": PYTHON,
        "spark.pyspark.driver.python": PYTHON,
        "spark.yarn.appMasterEnv.PYSPARK_PYTHON": PYTHON,
        "spark.yarn.maxAppAttempts": "1",
    }
