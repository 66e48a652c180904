#!/usr/bin/env python3
"""How training scales over hosts: namespaces of one machine, and a model of the step's time.

    sudo bench/hosts.py --dcgan build/apt/bin/dcgan [--hosts 2 --hosts 4] [--rounds 2]
    bench/hosts.py --predict --step-ms 10 --rate 100 --rtt-ms 0.05

The first form makes a namespace a host, each with an eth0 on one switch, limits what eth0 sends
(`tc tbf`), delays it and trains configs/mnist-paper.yaml over them: a process a host, one thread
each, in torchrun's variables. Of each network, with train.sync_batch_norm and without, it prints
images a second beside the model's and the ratio of the two. It removes all that it has made.
Where the kernel has no `netem`, a process of this script is the switch of the delayed networks: it
holds each frame back. Their frames are of 65,000 bytes, or it would take too much of the cores; the
share that it took is printed.

The model: step = base + round trips * RTT + bytes sent / rate, the last two less the base's own.
The base is the step with neither limit nor delay, measured through the same switch, on the same
number of hosts, which share the cores. Round trips and bytes follow from the code: see `traffic`.
RTT and rate are measured on each network before the training: UDP's, and those of a connection.
What is computed while gradients are summed is not taken off. The second form prints the model for
8 to 1024 ranks, with the processor time of a message to each other rank, from what you assume.
"""
import argparse
import collections
import contextlib
import ctypes
import fcntl
import json
import math
import multiprocessing
import os
import select
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BATCH = 64
FRAME = 65_000  # bytes: small ones would measure what the cores take for each of them
PREFIX = f"dcgan{os.getpid()}-"
# Mbit/s, or 0 for no limit, and milliseconds. Those without a limit are the bases of the others:
# without delays, and with what delays, at 0 ms. They are measured before and after those.
NETWORKS = [(0, None), (10_000, None), (1_000, None), (100, None), (0, None),
            (0, 0), (10_000, 0.2), (1_000, 0.2), (10_000, 5), (1_000, 5), (0, 0)]


# ---- The model ----------------------------------------------------------------------------------

def networks(size, channels, base=64, latent=100):
    """G's and D's parameters and the channels of each BatchNorm, as in src/model/plan.cpp."""
    stack, side, planes, width = [], size, channels, base
    while side > 4 or len(stack) < 2:
        kernel = 4 if side % 2 == 0 else 3
        stack.append((planes, width, kernel))
        planes, width, side = width, min(2 * width, 512), (side + 2 - kernel) // 2 + 1
    weights = sum(a * b * k * k for a, b, k in stack)
    last = planes * side * side  # weights of D's logit; G has them once for each latent number
    g_norm = [planes, *(a for a, _, _ in reversed(stack[1:]))]
    d_norm = [b for _, b, _ in stack[1:]]
    return {"G": weights + latent * last + 2 * sum(g_norm), "g_norm": g_norm,
            "D": weights + last + 2 * sum(d_norm), "d_norm": d_norm}


def traffic(net, ranks, sync):
    """(collectives, round trips, bytes that a rank sends) of a step: src/gan/train_step.cpp.

    Collectives: a sum for D's gradients and one for G's, which carries six more numbers; with
    synchronised BatchNorm one for each layer, forward and backward: G; D, of real and fake images
    as two batches; D again for G's gradient. Each rank sends small tensors to all others at once.
    Of large ones it adds up a slice, so that they take two exchanges. One is a round trip, as
    the receiver asks for it first.
    """
    g_norm, d_norm = net["g_norm"], net["d_norm"]
    sums = [(net["D"], 4), (net["G"] + 6, 4)]  # numbers, bytes of each
    if sync:
        sums += [(2 * c, 8) for c in 2 * g_norm + 2 * d_norm] + [(4 * c, 8) for c in 2 * d_norm]
    else:  # the running statistics travel with G's gradients
        sums[1] = (sums[1][0] + 2 * sum(g_norm + d_norm), 4)
    trips = sent = 0
    for count, size in sums:
        large = count >= 1 << 14
        trips += 2 if large else 1
        sent += (ranks - 1) * (2 * math.ceil(count / ranks) if large else count) * size
    return len(sums), trips, sent


def predict(arguments):
    net = networks(arguments.size, arguments.channels)
    print(f"{arguments.size}x{arguments.size}x{arguments.channels}. Assumed: {arguments.step_ms:g} "
          f"ms to compute a step, {arguments.rate:g} Gbit/s, RTT {arguments.rtt_ms:g} ms, "
          f"{arguments.message_us:g} µs a message, one rank a host\n")
    print("| ranks | sync BN | collectives | round trips | MB sent | latency ms | transfer ms | "
          "efficiency | limit | batch for 80 % |\n|" + "-|" * 10)
    for ranks in (8, 64, 256, 1024):
        for sync in (True, False):
            collectives, trips, sent = traffic(net, ranks, sync)
            latency = trips * (arguments.rtt_ms + (ranks - 1) * arguments.message_us / 1e3)
            transfer = sent * 8e-6 / arguments.rate
            parts = {"compute": arguments.step_ms, "latency": latency, "bandwidth": transfer}
            larger = max(1, math.ceil(4 * (latency + transfer) / arguments.step_ms))
            print(f"| {ranks} | {'on' if sync else 'off'} | {collectives} | {trips:,} | "
                  f"{sent / 1e6:.1f} | {latency:.1f} | {transfer:.1f} | "
                  f"{arguments.step_ms / sum(parts.values()):.0%} | {max(parts, key=parts.get)} | "
                  f"x {larger} |")


# ---- The network --------------------------------------------------------------------------------

def run(command, check=True):
    return subprocess.run(command.split(), check=check, capture_output=not check).returncode == 0


@contextlib.contextmanager
def inside(host):
    """Sockets and devices opened here are the host's."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as own, open(f"/run/netns/{PREFIX}{host}") as other:
        for namespace in (other, own):
            if libc.setns(namespace.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            if namespace is other:
                try:
                    yield
                except BaseException:
                    libc.setns(own.fileno(), 0)
                    raise


def open_tap(name):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    tap_without_header, set_name = 0x0002 | 0x1000, 0x400454CA
    fcntl.ioctl(tap, set_name, struct.pack("16sH22x", name.encode(), tap_without_header))
    return tap


def forward(taps, delay):
    """A switch: sends each frame on `delay` seconds after it came, to the owner of its address."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))  # a real one needs none of our cores
    owner, waiting = {}, collections.deque()
    while True:
        pause = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for tap in select.select(taps, [], [], pause)[0]:
            frame = os.read(tap, 1 << 16)
            owner[frame[6:12]] = tap
            for target in [owner[frame[:6]]] if frame[:6] in owner else taps:
                if target != tap:
                    waiting.append((time.monotonic() + delay, target, frame))
        while waiting and waiting[0][0] <= time.monotonic():
            try:
                os.write(*waiting.popleft()[1:])
            except OSError:  # a host that is gone
                pass


class Hosts:
    """`count` namespaces, 10.77.0.1 and so on, of `rate` Mbit/s and a round trip of `rtt` ms."""

    def __init__(self, count, rate, rtt):
        self.names = [f"host{i}" for i in range(count)]
        self.switch = None
        try:
            self.make(rate, rtt)
            self.rtt, self.rate = self.measure_rtt(), self.measure_rate()  # s, bytes/s
        except BaseException:
            self.remove()
            raise

    def make(self, rate, rtt):
        for name in ["switch", *self.names]:
            run(f"ip netns add {PREFIX}{name}")
            run(f"ip -n {PREFIX}{name} link set lo up")
        switch = PREFIX + "switch"
        netem = run(f"tc -n {switch} qdisc add dev lo root netem delay 1ms", check=False)
        taps = []
        run(f"ip -n {switch} link add bridge type bridge")
        run(f"ip -n {switch} link set bridge up")
        for i, name in enumerate(self.names):
            host, port = PREFIX + name, f"port{i}"
            if rtt is not None and not netem:
                with inside("switch"):
                    taps.append(open_tap(port))
                run(f"ip -n {switch} link set {port} netns {host} name eth0 mtu {FRAME}")
            else:
                run(f"ip -n {host} link add eth0 mtu {FRAME} type veth "
                    f"peer name {port} mtu {FRAME} netns {switch}")
                run(f"ip -n {switch} link set {port} master bridge up")
            if rtt is not None and netem:
                run(f"tc -n {switch} qdisc add dev {port} root netem delay {rtt / 2}ms "
                    "limit 100000")
            run(f"ip -n {host} address add 10.77.0.{i + 1}/24 dev eth0")
            run(f"ip -n {host} link set eth0 up")
            run(f"ip netns exec {host} sysctl -qw net.ipv4.tcp_congestion_control=cubic", False)
            if rate:  # what it may send at once: a fifth of a millisecond's, but a whole frame
                burst = max(rate * 25, FRAME + 100)
                run(f"tc -n {host} qdisc add dev eth0 root tbf rate {rate}mbit burst {burst} "
                    f"limit {32 << 20}")
        if taps:
            self.switch = multiprocessing.Process(target=forward, args=(taps, rtt / 2000))
            self.switch.start()
        for tap in taps:
            os.close(tap)

    def remove(self):
        if self.switch:
            self.switch.kill()
            self.switch.join()
        for name in ["switch", *self.names]:
            run(f"ip netns del {PREFIX}{name}", check=False)

    def switch_seconds(self):
        """What the delaying process has used of the cores."""
        if not self.switch:
            return 0
        return int(Path(f"/proc/{self.switch.pid}/schedstat").read_text().split()[0]) / 1e9

    def sockets(self, kind):
        with inside("host1"):
            there = socket.socket(socket.AF_INET, kind)
            there.bind(("10.77.0.2", 5001))
        with inside("host0"):
            return socket.socket(socket.AF_INET, kind), there

    def measure_rtt(self, count=200):
        """The median, of UDP."""
        here, there = self.sockets(socket.SOCK_DGRAM)

        def echo():
            for _ in range(count):
                data, address = there.recvfrom(64)
                there.sendto(data, address)
        here.settimeout(5)
        here.connect(("10.77.0.2", 5001))
        threading.Thread(target=echo, daemon=True).start()
        times = []
        for _ in range(count):
            start = time.monotonic()
            here.send(b"?")
            here.recv(64)
            times.append(time.monotonic() - start)
        here.close()
        there.close()
        return statistics.median(times)

    def measure_rate(self, warm_up=0.7, seconds=1.0):
        """Of one TCP connection."""
        here, there = self.sockets(socket.SOCK_STREAM)
        there.listen()

        def send():
            with contextlib.suppress(OSError):
                here.connect(("10.77.0.2", 5001))
                while True:
                    here.sendall(bytes(1 << 18))
        threading.Thread(target=send, daemon=True).start()
        connection = there.accept()[0]
        room = bytearray(1 << 18)
        begin = time.monotonic()
        received, start = 0, begin
        while (now := time.monotonic()) < begin + warm_up + seconds:
            if now < begin + warm_up:
                received, start = 0, now
            received += connection.recv_into(room)
        for each in (connection, there, here):
            each.close()
        return received / (now - start)


# ---- The measurement ----------------------------------------------------------------------------

def sent_by(process):
    """Bytes that the eth0 of a process's host has sent."""
    for line in Path(f"/proc/{process.pid}/net/dev").read_text().splitlines():
        if line.strip().startswith("eth0:"):
            return int(line.split(":")[1].split()[8])
    sys.exit("a host has no eth0")


def measure(hosts, arguments, sync):
    """(images/s, bytes that host 0 sent a step, the switch's share of a core)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        command = [arguments.dcgan, "train", "--config", ROOT / "configs/mnist-paper.yaml", "--out",
                   path, "-q", "--threads", "1"]
        for setting in (f"train.sync_batch_norm={str(sync).lower()}", "train.log_every=10",
                        "train.evaluate_every=0", f"train.batch_size={BATCH}", *arguments.set):
            command += ["--set", setting]
        children = []
        try:
            for rank, name in enumerate(hosts.names):
                variables = {"RANK": rank, "WORLD_SIZE": len(hosts.names), "LOCAL_RANK": 0,
                             "LOCAL_WORLD_SIZE": 1, "MASTER_ADDR": "10.77.0.1",
                             "MASTER_PORT": 29500, "GLOO_SOCKET_IFNAME": "eth0"}
                core = sorted(os.sched_getaffinity(0))[rank % len(os.sched_getaffinity(0))]
                children.append(subprocess.Popen(
                    ["taskset", "-c", str(core), "ip", "netns", "exec", PREFIX + name, *command],
                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                    env=os.environ | {key: str(value) for key, value in variables.items()}))
            marks = []  # the newest line of the metrics, the bytes and the switch's time by then
            lines = []
            while (len(marks) < 3 or
                   marks[-1][0]["seconds"] - marks[0][0]["seconds"] < arguments.seconds):
                time.sleep(0.02)
                for child in children:
                    if child.poll() is not None:
                        sys.exit(f"{' '.join(map(str, command))}: {child.stderr.read()}")
                metrics = path / "metrics.jsonl"
                text = metrics.read_text() if metrics.exists() else ""
                if text.count("\n") > len(lines):
                    lines = [json.loads(line) for line in text[:text.rindex("\n")].splitlines()]
                    marks.append((lines[-1], sent_by(children[0]), hosts.switch_seconds()))
        finally:
            for child in children:
                child.kill()
                child.wait()
        (first, sent, busy), (last, sent_last, busy_last) = marks[0], marks[-1]
        speed = statistics.median(line["images_per_second"] for line in lines[1:])
        return (speed, (sent_last - sent) / (last["step"] - first["step"]),
                (busy_last - busy) / (last["seconds"] - first["seconds"]))


def compare(arguments):
    net = networks(28, 1)
    print(f"G {net['G']:,} and D {net['D']:,} parameters", flush=True)
    found = collections.defaultdict(list)
    links = collections.defaultdict(list)
    for _ in range(arguments.rounds):
        for count in arguments.hosts or (2, 4):
            for rate, rtt in NETWORKS:
                hosts = Hosts(count, rate, rtt)
                try:
                    links[count, rate, rtt].append((hosts.rate, hosts.rtt))
                    for sync in (True, False):
                        found[count, rate, rtt, sync].append(measure(hosts, arguments, sync))
                        print(count, rate, rtt, sync, hosts.rate * 8e-9, hosts.rtt * 1e3,
                              found[count, rate, rtt, sync][-1], file=sys.stderr, flush=True)
                finally:
                    hosts.remove()
    median = {key: [statistics.median(column) for column in zip(*rows)]
              for key, rows in [*found.items(), *links.items()]}
    print("\n| hosts | Gbit/s, measured | RTT ms, measured | sync BN | MB sent a step, counted | "
          "images/s | predicted | ratio | switch |\n|" + "-|" * 9)
    beyond = []
    for (count, rate, rtt, sync), (speed, sent, busy) in (row for row in median.items()
                                                          if len(row[0]) == 4):
        collectives, trips, expected = traffic(net, count, sync)
        bandwidth, round_trip = median[count, rate, rtt]
        base = (count, 0, None if rtt is None else 0)
        step = (BATCH / median[*base, sync][0] + trips * (round_trip - median[base][1]) +
                expected * (1 / bandwidth - 1 / median[base][0]))
        ratio = speed / (BATCH / step)
        row = (f"| {count} | {f'{rate / 1000:g}' if rate else 'no limit'}, "
               f"{bandwidth * 8e-9:.2f} | {'none' if rtt is None else rtt}, "
               f"{round_trip * 1e3:.2f} | {'on' if sync else 'off'} | "
               f"{expected / 1e6:.2f}, {sent / 1e6:.2f} | {speed:.0f} | {BATCH / step:.0f} | "
               f"{ratio:.2f} | {busy:.0%} |")
        print(row)
        if abs(ratio - 1) > 0.2:
            beyond.append(row)
    print("\nBeyond 20 %:", *(beyond or ["none"]), sep="\n")
    for count in arguments.hosts or (2, 4):
        for sync in (True, False):
            collectives, trips, expected = traffic(net, count, sync)
            print(f"{count} hosts, sync BN {'on' if sync else 'off'}: {expected:,} bytes sent a "
                  f"step, {collectives} collectives, {trips} round trips")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dcgan", help="the program")
    parser.add_argument("--hosts", type=int, action="append", help="default: 2 and 4")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=8, help="of each measurement")
    parser.add_argument("--set", action="append", default=[], help="a key for dcgan")
    parser.add_argument("--predict", action="store_true", help="print the model alone")
    parser.add_argument("--step-ms", type=float, help="a rank's compute time a step")
    parser.add_argument("--rate", type=float, help="Gbit/s of a rank's link")
    parser.add_argument("--rtt-ms", type=float, help="between two ranks")
    parser.add_argument("--message-us", type=float, default=30,
                        help="processor time to send and receive one, an assumption")
    parser.add_argument("--size", type=int, default=28, help="of the images, in pixels")
    parser.add_argument("--channels", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.predict:
        if None in (arguments.step_ms, arguments.rate, arguments.rtt_ms):
            parser.error("--predict needs --step-ms, --rate and --rtt-ms")
        predict(arguments)
        return
    if not arguments.dcgan or os.geteuid() != 0:
        parser.error("needs --dcgan, and root's rights for the namespaces")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and then the `finally`s
    compare(arguments)


if __name__ == "__main__":
    main()
