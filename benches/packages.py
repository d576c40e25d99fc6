#!/usr/bin/env python3
"""How fast packages of many modules build.

    benches/packages.py --language target/release/language [--modules 20] [--files 4] [--types 5] [--runs 5]

Three measurements, each the least time of a few runs that take turns:

* a chain of modules, each of which imports the one before: a clean build with pipelining and without;
* an edit inside of a function of the first module: which modules are compiled again, and how long the build takes beside the
  same edit in a package of one module;
* a program that imports a module of 60,000 lines and uses a few of its declarations, beside one that imports nothing: 17 ms of processor
  time each when this was written, where the import had cost 7 ms before names and declarations were read one by one.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time


def source(module, file, types, before):
    """A file with structs, classes and enums, and one function that is called from the next module."""
    name = f"M{module}F{file}"
    out = [f"import Module{before}\n" if before is not None else ""]
    for t in range(types):
        out.append(f"""\
public struct Box{name}T{t}: Equatable {{
    public var width: Int
    public var height: Int

    public init(width: Int, height: Int) {{
        this.width = width
        this.height = height
    }}

    public fn area(_ steps: Int) -> Int {{
        var total = 0
        for step in 0..<steps {{
            if step % 2 == 0 {{
                total = total &+ width &* height
            }} else {{
                total = total &- step
            }}
        }}
        return total
    }}

    public mutating fn grow(by amount: Int) {{
        width += amount
        height += amount
    }}
}}

public final class List{name}T{t} {{
    public var values: [Int] = []

    public init() {{}}

    public fn add(_ value: Int) {{
        values.append(value &* {t + 1})
    }}

    public fn sum() -> Int {{
        return values.filter {{ $0 % 3 != 0 }}.reduce(0) {{ $0 &+ $1 }}
    }}
}}

public enum Token{name}T{t} {{
    case number(Int)
    case word(String)
    case end

    public var weight: Int {{
        switch this {{
        case .number(immutable value): return value
        case .word(immutable text): return text.count
        case .end: return 0
        }}
    }}
}}
""")
    calls = "\n".join(
        f"""\
    var box{t} = Box{name}T{t}(width: seed, height: {t})
    box{t}.grow(by: 2)
    immutable list{t} = List{name}T{t}()
    list{t}.add(box{t}.area(3))
    total = total &+ list{t}.sum() &+ Token{name}T{t}.word("token").weight"""
        for t in range(types)
    )
    earlier = f"entryM{before}F0(seed)" if before is not None else "seed"
    out.append(f"""\
fn hidden{name}(_ seed: Int) -> Int {{
    return seed &+ 1
}}

public fn entry{name}(_ seed: Int) -> Int {{
    var total = {earlier} &+ hidden{name}(seed)
{calls}
    return total
}}
""")
    return "\n".join(out)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def package(folder, modules, files, types):
    """A chain of modules and a program that imports the last."""
    manifest = '[package]\nname = "chain"\n'
    lines = 0
    for m in range(modules):
        before = m - 1 if m else None
        manifest += f"\n[library.Module{m}]\n"
        if before is not None:
            manifest += f'dependencies = ["Module{before}"]\n'
        for f in range(files):
            text = source(m, f, types, before)
            lines += text.count("\n")
            write(f"{folder}/Sources/Module{m}/File{m}_{f}.code", text)
    last = modules - 1
    manifest += f'\n[executable.chain]\ndependencies = ["Module{last}"]\n'
    write(f"{folder}/Codira.toml", manifest)
    write(f"{folder}/Sources/chain/main.code", f"import Module{last}\n\nprint(entryM{last}F0(7))\n")
    return lines


class Language:
    def __init__(self, path):
        self.path = os.path.abspath(path)

    def run(self, folder, *args, fails=False):
        started = time.perf_counter()
        done = subprocess.run([self.path, *args], cwd=folder, capture_output=True, text=True)
        took = time.perf_counter() - started
        if done.returncode and not fails:
            sys.exit(f"language {' '.join(args)} failed in {folder}:\n{done.stderr}{done.stdout}")
        return took, done

    def clean_build(self, folder, *args):
        self.run(folder, "clean")
        return self.run(folder, "build", "-q", *args)[0]

    def rebuilt(self, folder):
        """The modules that a build compiled, and how long it took."""
        took, done = self.run(folder, "build", "--message-format=json")
        messages = [json.loads(line) for line in done.stdout.splitlines()]
        made = [m for m in messages if m["reason"] == "compiler-artifact" and m["emit"] != "metadata"]
        return took, [m["target"]["name"] for m in made if m["done"] == "compiled"], \
            [m["target"]["name"] for m in made if m["done"] == "relinked"]


def edit(path, number):
    """Changes the body of a function that only its own module sees."""
    with open(path) as file:
        text = file.read()
    start = text.index("return seed &+ ")
    end = text.index("\n", start)
    write(path, f"{text[:start]}return seed &+ {number}{text[end:]}")


def pipelining(language, folder, runs):
    on, off = [], []
    for _ in range(runs):
        on.append(language.clean_build(folder))
        off.append(language.clean_build(folder, "--no-pipelining"))
    fast, slow = min(on), min(off)
    print(f"clean build, pipelined      {fast * 1000:8.0f} ms")
    print(f"clean build, not pipelined  {slow * 1000:8.0f} ms   {slow / fast:.2f} times as long")


def private_edit(language, chain, single, runs):
    def measure(folder):
        times, compiled, relinked = [], None, None
        language.run(folder, "build", "-q")
        for run in range(runs):
            edit(f"{folder}/Sources/Module0/File0_0.code", 100 + run)
            took, compiled, relinked = language.rebuilt(folder)
            times.append(took)
        return min(times), compiled, relinked

    long, compiled, relinked = measure(chain)
    short, _, _ = measure(single)
    print(f"private edit in one module  {short * 1000:8.0f} ms")
    print(f"private edit in the chain   {long * 1000:8.0f} ms   {long / short:.2f} times as long")
    print(f"    compiled: {' '.join(compiled)}; relinked: {' '.join(relinked)}")


def large_import(language, folder, runs):
    types, files = 10, 100
    lines = 0
    for f in range(files):
        text = source(0, f, types, None)
        lines += text.count("\n")
        write(f"{folder}/Sources/Module0/File{f}.code", text)
    write(f"{folder}/Codira.toml", '[package]\nname = "large"\n[executable.without]\ndependencies = []\n')
    uses = "".join(f"immutable box{t} = BoxM0F{t}T0(width: {t}, height: 2)\nprint(box{t}.area(2))\n" for t in range(10))
    write(f"{folder}/Sources/with/main.code", "import Module0\n\n" + uses)
    write(f"{folder}/Sources/without/main.code", "".join(
        f"struct Box{t} {{ var width: Int; fn area(_ n: Int) -> Int {{ width &* n }} }}\nprint(Box{t}(width: {t}).area(2))\n"
        for t in range(10)))
    language.run(folder, "build", "-q")
    best = {}
    for run in range(runs):
        for program in ("with", "without"):
            path = f"{folder}/Sources/{program}/main.code"
            with open(path, "a") as file:
                file.write(f"print({run})\n")
            took, _ = language.run(folder, "build", "-q", "-p", program)
            best[program] = min(took, best.get(program, took))
    extra = best["with"] - best["without"]
    print(f"a program that imports nothing           {best['without'] * 1000:6.1f} ms")
    print(f"one that imports a module of {lines} lines {best['with'] * 1000:6.1f} ms   {extra * 1000:.1f} ms more")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", default="target/release/language")
    parser.add_argument("--modules", type=int, default=20)
    parser.add_argument("--files", type=int, default=4, help="of each module")
    parser.add_argument("--types", type=int, default=5, help="three times as many of each file")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", help="a folder for the packages, which stay there")
    parser.add_argument("--only", choices=["pipelining", "edit", "import"])
    args = parser.parse_args()
    language = Language(args.language)
    root = args.keep or tempfile.mkdtemp()
    try:
        if args.only in (None, "pipelining", "edit"):
            lines = package(f"{root}/chain", args.modules, args.files, args.types)
            print(f"a chain of {args.modules} modules, {lines} lines")
        if args.only in (None, "pipelining"):
            pipelining(language, f"{root}/chain", args.runs)
        if args.only in (None, "edit"):
            package(f"{root}/single", 1, args.files, args.types)
            private_edit(language, f"{root}/chain", f"{root}/single", args.runs)
        if args.only in (None, "import"):
            large_import(language, f"{root}/large", args.runs)
    finally:
        if not args.keep:
            shutil.rmtree(root)


if __name__ == "__main__":
    main()
