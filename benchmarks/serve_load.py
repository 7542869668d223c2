"""A server under load: 64 clients for a minute, each reply checked, against the bare runtime doing the same work.

    python -m benchmarks.serve_load                # 60 s of load and as much of the bare runtime, in turns
    python -m benchmarks.serve_load --seconds 10 --out /tmp/load.json   # to see that it works

The server is `leadline serve` in a process of its own, as users start it. The clients are threads of one other process, with
kept connections, each with a picture of its own; they take a share of the same cores, which is measured and stated. The bare
runtime is a third process: it decodes the same bytes, predicts and makes the same bytes of float32 on `run_pipeline`. Server
and bare runtime take turns; a ratio is that of the pictures a second within one round. Every reply is compared with the bare
runtime's answer to the same picture by its SHA-256. Then more clients come than the queue takes, to see the refusals.

Latency is that of single requests as clients see it: with 64 of them it is mostly the wait in the queue. Memory is the
server's resident set, sampled twice a second; its growth is from the end of the first quarter of the load to the end.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from benchmarks.harness import arguments, report

HEADER = {"Content-Type": "image/jpeg"}
ADDRESS = "/v1/depth?output=float32"
SAMPLES_A_SECOND = 2


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=6)
    parser.add_argument("--seconds", type=float, default=60.0, help="of load, in all rounds together")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--side", type=int, default=640, help="longer side of the pictures")
    parser.add_argument("--worker", choices=("bare", "clients"), help="internal: obey the lines of the input")
    parser.add_argument("--pictures", type=Path, help="internal: folder of the pictures")
    parser.add_argument("--url", help="internal: of the server")
    given = parser.parse_args()
    if given.worker:
        _obey(given)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _make_pictures(folder, given.clients, given.side)
        results = _measure(folder, given)
    settings = {
        "clients": given.clients, "seconds": given.seconds, "rounds": given.rounds, "side": given.side,
        "model": "leadline-s.v1", "output": "float32", "clients_in": "one other process on the same cores",
    }  # fmt: skip
    report("serve_load", settings, results, given.out)
    wrong = results["checks"]["wrong"] or results["checks"]["other_statuses"]
    raise SystemExit(1 if wrong else 0)


def _measure(folder: Path, given: Any) -> dict[str, Any]:
    import psutil

    with (
        _Server(folder) as server,
        _Worker("bare", folder, given) as bare,
        _Worker("clients", folder, given, server.url) as crowd,
    ):
        watched, clients = psutil.Process(server.process.pid), psutil.Process(crowd.process.pid)
        expected = bare.ask({"do": "answers"})["answers"]
        crowd.ask({"do": "expect", "answers": expected})
        crowd.ask({"do": "load", "seconds": 0, "clients": 2})  # every network is compiled before the clock starts
        memory = _Memory(watched)
        rounds, seconds = [], given.seconds / given.rounds
        for _ in range(given.rounds):
            before = _cpu_s(watched), _cpu_s(clients)
            memory.begin()
            served = crowd.ask({"do": "load", "seconds": seconds, "clients": given.clients})
            memory.end()
            spent = _cpu_s(watched) - before[0], _cpu_s(clients) - before[1]
            alone = bare.ask({"do": "run", "seconds": seconds})
            rounds.append({**served, "server_cpu_s": spent[0], "clients_cpu_s": spent[1], "bare": alone})
            print(f"server {served['good'] / served['seconds']:.2f}/s, bare {alone['count'] / alone['seconds']:.2f}/s, "
                  f"{memory.samples[-1] / 1e6:.0f} MB", file=sys.stderr, flush=True)  # fmt: skip
        crowded = crowd.ask({"do": "load", "seconds": seconds, "clients": 3 * given.clients, "patient": False})
        busy = watched.num_threads()
    return _summary(rounds, memory.samples, crowded, busy)


def _summary(rounds: list[dict[str, Any]], memory: list[int], crowded: dict[str, Any], threads: int) -> dict[str, Any]:
    served = [row["good"] / row["seconds"] for row in rounds]
    bare = [row["bare"]["count"] / row["bare"]["seconds"] for row in rounds]
    latencies = sorted(second for row in rounds for second in row["latencies"])
    statuses = sum((Counter(row["statuses"]) for row in rounds), Counter())
    pictures = sum(row["good"] for row in rounds)
    bare_pictures = sum(row["bare"]["count"] for row in rounds)
    server_cpu, clients_cpu = (sum(row[name] for row in rounds) for name in ("server_cpu_s", "clients_cpu_s"))
    warm = len(memory) // 4
    tenth = max(1, len(memory) // 10)
    after, last = statistics.median(memory[warm : warm + tenth]), statistics.median(memory[-tenth:])
    checks = Counter(crowded["statuses"]) + statuses
    return {
        "server": {
            "pictures_per_s": statistics.median(served), "per_round": served, "pictures": pictures,
            "cpu_s_per_picture": server_cpu / pictures, "share_of_bare": statistics.median(
                [mine / other for mine, other in zip(served, bare, strict=True)]
            ),
            "share_of_bare_per_cpu_s": (pictures / server_cpu) / (
                bare_pictures / sum(row["bare"]["cpu_s"] for row in rounds)
            ),
        },
        "bare": {
            "pictures_per_s": statistics.median(bare), "per_round": bare, "pictures": bare_pictures,
            "cpu_s_per_picture": sum(row["bare"]["cpu_s"] for row in rounds) / bare_pictures,
        },
        "clients": {
            "cpu_share": clients_cpu / (clients_cpu + server_cpu), "cpu_s": clients_cpu, "statuses": dict(statuses),
            "p50_s": _quantile(latencies, 0.5), "p90_s": _quantile(latencies, 0.9), "p99_s": _quantile(latencies, 0.99),
            "longest_s": latencies[-1],
        },
        "memory": {
            "after_warm_up_mb": after / 1e6, "at_the_end_mb": last / 1e6, "growth": last / after - 1,
            "largest_after_warm_up_mb": max(memory[warm:]) / 1e6, "largest_growth": max(memory[warm:]) / after - 1,
            "samples": len(memory), "threads": threads,
        },
        "overload": {"clients": crowded["clients"], "statuses": crowded["statuses"], "good": crowded["good"],
                     "without_retry_after": crowded["without_retry_after"]},
        "checks": {
            "compared": pictures + crowded["good"] + sum(row["wrong"] for row in rounds) + crowded["wrong"],
            "wrong": sum(row["wrong"] for row in rounds) + crowded["wrong"],
            "other_statuses": sum(n for status, n in checks.items() if status not in ("200", "429", "503")),
        },
    }  # fmt: skip


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _cpu_s(process: Any) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


class _Memory:
    """Samples a process's resident set between `begin` and `end`."""

    def __init__(self, process: Any) -> None:
        self.samples: list[int] = []
        self._process = process

    def begin(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while True:
            self.samples.append(self._process.memory_info().rss)
            if self._over.wait(1 / SAMPLES_A_SECOND):
                return


class _Server:
    """`leadline serve` on a free port, until the block ends."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "server.log"

    def __enter__(self) -> _Server:
        command = [sys.executable, "-m", "leadline", "serve", "--port", "0"]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(600):
            if found := re.search(r"http://\S+", self._log.read_text()):
                self.url = found[0]
                if _is_ready(self.url):
                    return self
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        self.process.kill()
        raise SystemExit(f"the server did not start: {self._log.read_text()[-500:]}")

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        if self.process.wait(90) != 0:
            print(f"the server ended with {self.process.returncode}: {self._log.read_text()[-500:]}", file=sys.stderr)


def _is_ready(url: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


class _Worker:
    """A process that takes one JSON line for each thing to do and answers with one."""

    def __init__(self, name: str, folder: Path, given: Any, url: str = "") -> None:
        command = [sys.executable, "-m", "benchmarks.serve_load", "--worker", name, "--pictures", str(folder), "--url", url]
        self.process: Any = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.stdin.close()
        self.process.wait(60)

    def ask(self, what: dict[str, Any]) -> dict[str, Any]:
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("a worker stopped")
        return dict(json.loads(answer))


def _obey(given: Any) -> None:
    stdout, sys.stdout = sys.stdout, sys.stderr  # libraries print
    pictures = [path.read_bytes() for path in sorted(given.pictures.glob("*.jpg"))]
    worker: Any = _Bare(pictures) if given.worker == "bare" else _Clients(pictures, given.url)
    for line in sys.stdin:
        what = json.loads(line)
        print(json.dumps(getattr(worker, what.pop("do"))(**what)), file=stdout, flush=True)


class _Bare:
    """The runtime without a server."""

    def __init__(self, pictures: list[bytes]) -> None:
        from leadline.runtime.malloc import keep_freed_memory
        from leadline.runtime.predictor import load_predictor

        keep_freed_memory()  # as the command line does
        self._pictures = pictures
        self._predictor = load_predictor(throughput=True)
        self._answers: dict[int, str] = {}

    def answers(self) -> dict[str, Any]:
        for index, digest in self._digests(iter(range(len(self._pictures)))):
            self._answers[index] = digest
        return {"answers": [self._answers[index] for index in range(len(self._pictures))]}

    def run(self, seconds: float) -> dict[str, Any]:
        start, cpu = time.perf_counter(), time.process_time()

        def indices() -> Iterator[int]:
            index = 0
            while time.perf_counter() - start < seconds:
                yield index % len(self._pictures)
                index += 1

        count = 0
        for index, digest in self._digests(indices()):
            if digest != self._answers[index]:
                raise SystemExit(f"the bare runtime gives two answers to picture {index}")
            count += 1
        return {"count": count, "seconds": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}

    def _digests(self, indices: Iterator[int]) -> Iterator[tuple[int, str]]:
        from leadline.io.image import Photo, decode_image
        from leadline.predictor import Prediction
        from leadline.runtime.pipeline import AnySizePredictor, run_pipeline

        predictor = self._predictor
        assert isinstance(predictor, AnySizePredictor)
        at_least = predictor.longer_side_needed()

        def write(_: int, __: Photo, prediction: Prediction) -> str:
            depth = prediction.depth
            values = np.where(depth.valid, depth.values, np.float32(np.nan)).astype("<f4")
            return hashlib.sha256(values.tobytes()).hexdigest()

        def read(index: int) -> Photo:
            return decode_image(self._pictures[index], at_least=at_least)

        for result in run_pipeline(indices, predictor, write, read=read):
            if result.value is None:
                raise SystemExit(result.error)
            yield result.item, result.value


class _Clients:
    """Threads that send a picture, check the answer and send it again."""

    def __init__(self, pictures: list[bytes], url: str) -> None:
        self._pictures, self._host = pictures, urlsplit(url).netloc
        self._expected: list[str] = []

    def expect(self, answers: list[str]) -> dict[str, Any]:
        self._expected = answers
        return {}

    def load(self, seconds: float, clients: int, patient: bool = True) -> dict[str, Any]:
        """Run clients for a time; those that are not patient come again before they are told to."""
        statuses: Counter[str] = Counter()
        latencies: list[float] = []
        counts: Counter[str] = Counter()
        lock = threading.Lock()
        start = time.perf_counter()

        def one(number: int) -> None:
            index = number % len(self._pictures)
            connection = http.client.HTTPConnection(self._host, timeout=120)
            first = True
            while first or time.perf_counter() - start < seconds:
                first = False
                sent = time.perf_counter()
                status, pause, right = self._ask(connection, index)
                with lock:
                    statuses[status] += 1
                    if status == "200":
                        latencies.append(time.perf_counter() - sent)
                        counts["good" if right else "wrong"] += 1
                    elif pause is None:
                        counts["without_retry_after"] += 1
                if status != "200":
                    time.sleep((pause or 1.0) if patient else 0.25)
            connection.close()

        threads = [threading.Thread(target=one, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {
            "seconds": time.perf_counter() - start, "statuses": dict(statuses), "latencies": latencies, "clients": clients,
            "good": counts["good"], "wrong": counts["wrong"], "without_retry_after": counts["without_retry_after"],
        }  # fmt: skip

    def _ask(self, connection: http.client.HTTPConnection, index: int) -> tuple[str, float | None, bool]:
        """Return the status, the seconds of Retry-After, and whether the answer is the picture's own."""
        try:
            connection.request("POST", ADDRESS, self._pictures[index], HEADER)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return type(error).__name__, 1.0, False
        pause = response.headers.get("Retry-After")
        right = hashlib.sha256(body).hexdigest() == self._expected[index]
        return str(response.status), None if pause is None else float(pause), right


def _make_pictures(folder: Path, count: int, side: int) -> None:
    """Cut distinct windows out of scikit-image's and scikit-learn's pictures."""
    import cv2
    from skimage import data
    from sklearn.datasets import load_sample_images

    photos = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), *load_sample_images().images]
    rng = np.random.default_rng(0)
    for index in range(count):
        photo = photos[index % len(photos)]
        height, width = photo.shape[:2]
        part = rng.uniform(0.6, 1.0)
        h, w = int(part * min(height, width * 3 / 4)), int(part * min(width, height * 4 / 3))
        y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
        window = cv2.resize(photo[y : y + h, x : x + w], (side, side * 3 // 4), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{index:03d}.jpg"), window[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])


if __name__ == "__main__":
    main()
