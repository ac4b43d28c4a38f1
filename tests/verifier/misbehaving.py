"""What a worker of the pool runs in the pool's tests: a judge that does what ``pred`` says, most of it bad."""

import json
import os
import signal
import sys
import time

from rlad.verifier.types import Outcome, Verdict, VerifyOptions

_hoard = []
_calls = 0


def judge(gold: str, pred: str, options: VerifyOptions) -> Verdict:
    global _calls
    _calls += 1
    command, _, argument = pred.partition(" ")
    reason = ""
    match command:
        case "sleep":
            time.sleep(float(argument))
        case "spin":
            while True:
                pass
        case "hold_gil":
            10 ** (10 ** int(argument))  # one long C call: no other thread of this process runs meanwhile
        case "grow":
            _hoard.append(bytearray(int(argument) << 20))
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "die_if_used" if _calls > 2:  # the first call is the worker's own warm-up
            os.kill(os.getpid(), signal.SIGKILL)
        case "raise":
            raise TypeError(argument)
        case "print":
            print("not a frame")
            os.write(1, b"nor this")
        case "environment":
            reason = json.dumps(dict(os.environ))
        case "modules":
            reason = json.dumps(sorted(sys.modules))
        case "spawn":
            os.system(argument)
        case "pid":
            reason = str(os.getpid())
    return Verdict(Outcome.correct if gold == pred else Outcome.incorrect, reason, gold, pred, 0.0)


def broken(gold: str, pred: str, options: VerifyOptions) -> Verdict:
    """A judge that cannot even start."""
    sys.exit("the judge is broken")
