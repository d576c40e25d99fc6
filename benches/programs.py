#!/usr/bin/env python3
"""How fast compiled programs are, beside those that the Swift compiler makes from the same sources.

    benches/programs.py --languagec target/release/languagec --swiftc swiftc [fixtures/bench]

The arguments are Codira programs or folders of them. Each is built by both compilers without and with optimisation; Swift
gets the same text with its own keywords. All four executables must print the same, and what stands in the `.out` file
beside the program if there is one. Times are seconds of processor time, the least of a few runs, in which the four take turns
so that a busy machine is unfair to none. A ratio is ours divided by Swift's: below 1 is faster.
"""

import argparse
import math
import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile

# The keywords that Codira spells in its own way, and the library's name.
KEYWORDS = {"fn": "func", "this": "self", "immutable": "let", "Codira": "Swift"}
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
QUOTE = re.compile(r'(#*)("""|")')
# `fn` is a keyword only where a name or an operator follows.
DECLARES = re.compile(r"[ \t]+(?:`|(?!(?:in|is|as|else|throws|async|where)\b)[^\W\d]|[^\s\w(){}\[\]`\",;:@#]+\s*[(<])")


class Respeller:
    """Replaces keywords in code, also in interpolations, but not in comments and the text of strings."""

    def __init__(self, text):
        self.text, self.at, self.out = text, 0, []

    def take(self, end):
        self.out.append(self.text[self.at:end])
        self.at = end

    def code(self, in_parentheses):
        text, depth = self.text, 0
        while self.at < len(text):
            if text.startswith("//", self.at):
                end = text.find("\n", self.at)
                self.take(len(text) if end < 0 else end)
            elif text.startswith("/*", self.at):
                self.take(self.end_of_comment())
            elif text[self.at] == "`":
                end = text.find("`", self.at + 1)
                self.take(len(text) if end < 0 else end + 1)
            elif quote := QUOTE.match(text, self.at):
                self.string(*quote.groups())
            elif word := WORD.match(text, self.at):
                self.word(word.group(), word.end())
            else:
                depth += {"(": 1, ")": -1}.get(text[self.at], 0)
                if in_parentheses and depth < 0:
                    return
                self.take(self.at + 1)

    def end_of_comment(self):
        end, depth = self.at + 2, 1
        while end < len(self.text) and depth:
            mark = self.text[end:end + 2]
            depth += {"/*": 1, "*/": -1}.get(mark, 0)
            end += 2 if mark in ("/*", "*/") else 1
        return end

    def word(self, word, end):
        self.at = end
        is_keyword = word != "fn" or DECLARES.match(self.text, end)
        self.out.append(KEYWORDS.get(word, word) if is_keyword else word)

    def string(self, hashes, quote):
        text, close, escape = self.text, quote + hashes, "\\" + hashes
        self.take(self.at + len(hashes + quote))
        while self.at < len(text):
            if text.startswith(close, self.at):
                return self.take(self.at + len(close))
            if text.startswith(escape + "(", self.at):
                self.take(self.at + len(escape) + 1)
                self.code(True)
            else:
                self.take(self.at + (len(escape) + 1 if text.startswith(escape, self.at) else 1))


def swift_text(text):
    respeller = Respeller(text)
    respeller.code(False)
    return "".join(respeller.out)


def build(command, level, source, program):
    done = subprocess.run([*command, level, "-module-name", "main", source, "-o", program], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} {level} {source} failed ({done.returncode})\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def run(program):
    """What a program prints, and its user and system seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([program], capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{program} failed ({done.returncode})\n{done.stderr[-2000:].decode(errors='replace')}")
    return done.stdout, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(path, languagec, swiftc, folder, runs, levels):
    """The seconds of one program for each level: ours, then Swift's."""
    name = os.path.splitext(os.path.basename(path))[0]
    with open(path, encoding="utf-8") as file:
        swift = swift_text(file.read())
    swift_path = os.path.join(folder, f"{name}.swift")
    with open(swift_path, "w", encoding="utf-8") as file:
        file.write(swift)
    programs = []
    for level in levels:
        for command, source, ending in ((languagec, path, "code"), (swiftc, swift_path, "swift")):
            program = os.path.join(folder, f"{name}{level}.{ending}.program")
            build(command, level, source, program)
            programs.append(program)
    expected = None
    recorded = os.path.splitext(path)[0] + ".out"
    if os.path.exists(recorded):
        with open(recorded, "rb") as file:
            expected = file.read()
    best = [math.inf] * len(programs)
    for _ in range(runs):
        for i, program in enumerate(programs):
            printed, seconds = run(program)
            if expected is None:
                expected = printed
            if printed != expected:
                sys.exit(f"{os.path.basename(program)} prints something else:\n{printed[:2000].decode(errors='replace')}")
            best[i] = min(best[i], seconds)
    return best


def geometric_mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languagec", required=True, help="the compiler of Codira")
    parser.add_argument("--swiftc", required=True, help="the command that runs Swift's compiler, also with arguments of its own")
    parser.add_argument("--runs", type=int, default=3, help="how often each program runs (3)")
    parser.add_argument("--level", action="append", choices=["-Onone", "-O"], help="only this level")
    default = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "bench")
    parser.add_argument("programs", nargs="*", default=[default], help="programs, or folders of them (fixtures/bench)")
    arguments = parser.parse_args()
    levels = arguments.level or ["-Onone", "-O"]
    paths = []
    for path in arguments.programs:
        if os.path.isdir(path):
            paths += sorted(os.path.join(path, name) for name in os.listdir(path) if name.endswith(".code"))
        else:
            paths.append(path)
    if not paths:
        parser.error("no programs")
    titles = [title for level in levels for title in (f"ours {level}", f"swiftc {level}", "ratio")]
    width = max(len(os.path.basename(path)) for path in paths) + 2
    print(f"{'program':{width}}" + "".join(f"{title:>15}" for title in titles), flush=True)
    ratios = [[] for _ in levels]
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            seconds = measure(path, shlex.split(arguments.languagec), shlex.split(arguments.swiftc), folder, arguments.runs, levels)
            row = ""
            for i in range(len(levels)):
                ours, swift = seconds[2 * i:2 * i + 2]
                # A program that is over at once is counted as one tick of the clock.
                ratio = max(ours, 0.001) / max(swift, 0.001)
                ratios[i].append(ratio)
                row += f"{ours:15.3f}{swift:15.3f}{ratio:15.2f}"
            name = os.path.splitext(os.path.basename(path))[0]
            print(f"{name:{width}}{row}", flush=True)
    row = "".join(f"{geometric_mean(found):45.2f}" for found in ratios)
    print(f"{'geometric mean':{width}}{row}")


if __name__ == "__main__":
    main()
