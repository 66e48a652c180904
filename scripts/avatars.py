#!/usr/bin/python3
"""Makes a set of some thousand cartoon heads, for training on RGB images, from Debian's packages.

Three emoji sets draw people from the front, head and shoulders, in up to six skin tones:
Noto Color Emoji, Twemoji and EmojiOne. See data/avatars.md for licences and counts.
"""

import argparse
import collections
import hashlib
import itertools
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

PROGRAM = "avatars.py"
MARKER = "SOURCES.txt"  # in every folder that this program made, and in no other

Source = collections.namedtuple("Source", "name package file licence read")

# --------------------------------------------------------------------------------------------------
# Which emoji are heads. An emoji is a sequence of code points; joiners and variation selectors are
# dropped before it gets here, so what is left is: a person, a skin tone, and what sets it apart.

TONES = frozenset(range(0x1F3FB, 0x1F400))
GENDERS = frozenset({0x2640, 0x2642})
HAIR = frozenset({0x1F9B0, 0x1F9B1, 0x1F9B2, 0x1F9B3})
JOBS = frozenset({
    0x2695, 0x2696, 0x2708, 0x1F33E, 0x1F373, 0x1F393, 0x1F3A4, 0x1F3A8, 0x1F3EB, 0x1F3ED, 0x1F4BB,
    0x1F4BC, 0x1F527, 0x1F52C, 0x1F680, 0x1F692
})  # health worker, judge, pilot, farmer, cook, student, singer, ... firefighter
CHRISTMAS = 0x1F384  # makes Mx Claus of a person

ADULTS = frozenset({0x1F468, 0x1F469, 0x1F9D1})
FACES = ADULTS | {0x1F466, 0x1F467, 0x1F471, 0x1F474, 0x1F475, 0x1F476, 0x1F9D2, 0x1F9D3, 0x1F9D4}
GESTURES = frozenset({
    0x1F481, 0x1F486, 0x1F487, 0x1F645, 0x1F646, 0x1F647, 0x1F64B, 0x1F64D, 0x1F64E, 0x1F926,
    0x1F937, 0x1F9CF, 0x1F9D6
})
ROLES = frozenset({
    0x1F385, 0x1F46E, 0x1F470, 0x1F472, 0x1F473, 0x1F477, 0x1F478, 0x1F47C, 0x1F482, 0x1F934,
    0x1F935, 0x1F936, 0x1F977, 0x1F9B8, 0x1F9B9, 0x1F9D5, 0x1F9D9, 0x1F9DA, 0x1F9DB, 0x1F9DD,
    0x1F9DF, 0x1FAC5
})
HEADS = FACES | GESTURES | ROLES

# Other emoji with a person in them, so that the report can tell them from cats and flags.
FIGURES = frozenset({
    0x26F7, 0x26F9, 0x1F3C2, 0x1F3C3, 0x1F3C4, 0x1F3C7, 0x1F3CA, 0x1F3CB, 0x1F3CC, 0x1F46A, 0x1F46B,
    0x1F46C, 0x1F46D, 0x1F46F, 0x1F483, 0x1F48F, 0x1F491, 0x1F574, 0x1F575, 0x1F57A, 0x1F6A3,
    0x1F6B4, 0x1F6B5, 0x1F6B6, 0x1F6C0, 0x1F6CC, 0x1F930, 0x1F931, 0x1F938, 0x1F939, 0x1F93C,
    0x1F93D, 0x1F93E, 0x1F9CD, 0x1F9CE, 0x1F9D7, 0x1F9D8, 0x1F9DC, 0x1F9DE, 0x1FAC3, 0x1FAC4
})

# Drawn otherwise than the rest in one set: as a figure, cut at the edge, or on a square.
ODD = {
    "noto": frozenset({0x1F9B8, 0x1F9B9, 0x1F9CF, 0x1F9D6, 0x1F9DA}),
    "twemoji": frozenset({0x1F487})
}


def classify(source, sequence):
    """The class of an emoji and None, or None and why it is left out."""
    person, *rest = sequence
    if person not in HEADS:
        return None, "other people and figures" if person in FIGURES else "no person"
    rest = [code for code in rest if code not in TONES]
    if any(code in HEADS for code in rest):
        return None, "several people"
    if person in ODD.get(source, ()):
        return None, "drawn otherwise than the rest"
    kind = "faces" if person in FACES else "gestures" if person in GESTURES else "roles"
    if not rest or (len(rest) == 1 and rest[0] in GENDERS):
        return kind, None
    if len(rest) == 1 and person in ADULTS:
        if rest[0] in HAIR:
            return "faces", None
        if rest[0] in JOBS:
            return "jobs", None
        if rest[0] == CHRISTMAS:
            return "roles", None
    return None, "other people and figures"


def plain(codes):
    """The sequence without joiners and variation selectors, which the sets use differently."""
    return tuple(code for code in codes if code not in (0x200D, 0xFE0F))


def from_name(name):
    """The sequence of a name such as 1f468-1f3fd, or None for other names."""
    if not re.fullmatch(r"[0-9a-fA-F]{4,5}(-[0-9a-fA-F]{4,5})*", name):
        return None
    return plain(int(part, 16) for part in name.split("-"))


# --------------------------------------------------------------------------------------------------
# The three sets. Each reader takes the package's file and `keep(sequence)`, and gives the bytes of
# a PNG for each sequence that is kept.


def read_noto(path, keep):
    """The bitmaps of the font, 136 x 128, as they are in it: nearly all palettes with alpha."""
    from fontTools.ttLib import TTFont  # here, so that --help does without it
    font = TTFont(str(path), lazy=True)
    codes = {}
    for code, glyph in sorted(font.getBestCmap().items()):
        codes.setdefault(glyph, code)
    sequences = {glyph: [(code,)] for glyph, code in codes.items()}
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            for first, ligatures in getattr(table, "ligatures", {}).items():
                for ligature in ligatures:
                    parts = [codes.get(part) for part in [first] + ligature.Component]
                    if None not in parts:
                        sequences.setdefault(ligature.LigGlyph, []).append(tuple(parts))
    bitmaps = font["CBDT"].strikeData[0]
    for glyph in sorted(bitmaps):
        # The font also has the sequences back to front, for text from right to left.
        names = [name for name in map(plain, sequences.get(glyph, [])) if name]
        names.sort(key=lambda name: (name[0] not in HEADS, len(name), name))
        if names and keep(names[0]):
            yield names[0], bitmaps[glyph].imageData


def read_twemoji(path, keep):
    """The pages of a PDF, drawn at 128 x 128 with alpha."""
    pages = {}
    define = re.compile(r"\\defineTwemoji\{(\d+)\}\{([^}]*)\}")
    for page, name in define.findall(path.with_name("twemojis.sty").read_text(encoding="utf-8")):
        sequence = from_name(name)
        if sequence and int(page) not in pages:
            pages[int(page)] = sequence
    wanted = [page for page in sorted(pages) if keep(pages[page])]
    with tempfile.TemporaryDirectory() as folder:
        # One call for each run of pages: most heads lie side by side.
        for _, run in itertools.groupby(enumerate(wanted), lambda item: item[1] - item[0]):
            run = [page for _, page in run]
            command = ["pdftocairo", "-png", "-transp", "-scale-to", "128", "-f", str(run[0]),
                       "-l", str(run[-1]), str(path), os.path.join(folder, "page")]
            call(command, "poppler-utils")
        for picture in sorted(pathlib.Path(folder).iterdir()):
            yield pages[int(picture.stem.split("-")[1])], picture.read_bytes()


def read_emojione(path, keep):
    """The files of the folder, 64 x 64, as they are: palettes with alpha or RGBA."""
    for picture in sorted(path.glob("*.png")):
        sequence = from_name(picture.stem)
        if sequence and keep(sequence):
            yield sequence, picture.read_bytes()


SOURCES = (
    Source("noto", "fonts-noto-color-emoji", "usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",
           "SIL Open Font License 1.1, (c) 2013-2017 Google Inc.", read_noto),
    Source("twemoji", "texlive-pictures",
           "usr/share/texlive/texmf-dist/tex/latex/twemojis/all-twemojis.pdf",
           "CC BY 4.0, (c) 2019 Twitter, Inc and other contributors", read_twemoji),
    Source("emojione", "ruby-gemojione",
           "usr/share/rubygems-integration/all/gems/gemojione-*/assets/png",
           "CC BY-SA 4.0, (c) 2014 Ranks.com Inc.", read_emojione),
)

# --------------------------------------------------------------------------------------------------
# Packages and folders.


def fail(message):
    sys.exit(f"{PROGRAM}: {message}")


def call(command, package, folder=None):
    """Runs a command and gives what it prints; its own message when it fails."""
    try:
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    except FileNotFoundError:
        fail(f"{command[0]} is missing; install it: apt-get install {package}")
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if not line.startswith("W:")]
        fail(f"{' '.join(command)}: {lines[-1] if lines else 'failed'}; "
             f"install {package} yourself or try apt-get update")
    return done.stdout


def locate(root, source):
    """The source's file below `root`, or None."""
    found = sorted(pathlib.Path(root).glob(source.file))
    return found[-1] if found else None


def obtain(source, folder):
    """The source's file, the package's version and whether it was installed or downloaded."""
    path = locate("/", source)
    if path:
        version = call(["dpkg-query", "-W", "-f", "${Version}", source.package], source.package)
        return path, version, "installed"
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        fail(f"{source.package} is not installed and there is no apt-get and dpkg-deb to obtain "
             "it; run this on Debian or Ubuntu")
    call(["apt-get", "download", source.package], source.package, folder)
    package = next(pathlib.Path(folder).glob(f"{source.package}_*.deb"))
    version = call(["dpkg-deb", "-f", str(package), "Version"], source.package).strip()
    call(["dpkg-deb", "-x", str(package), str(folder)], source.package)
    path = locate(folder, source)
    if not path:
        fail(f"{source.package} {version} has no {source.file}; it is not the package we know")
    return path, version, "downloaded"


def check_tools():
    """All that is missing at once, before anything is downloaded."""
    missing = [] if shutil.which("pdftocairo") else ["poppler-utils"]
    try:
        import fontTools  # noqa: F401
    except ImportError:
        missing.append("python3-fonttools (then run it with /usr/bin/python3)")
    if missing:
        fail(f"needs {' and '.join(missing)}; apt-get install poppler-utils python3-fonttools")


def check_target(target):
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        fail(f"{target} is no folder; name another with --to")
    if target.is_dir() and any(target.iterdir()) and not (target / MARKER).is_file():
        fail(f"{target} is not empty and was not made by this program; name another with --to")


def replace(folder, target):
    """Puts the finished folder where the target is; an older one goes only after that."""
    if target.is_dir():
        old = tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent)
        os.rename(target, old)
        os.rename(folder, target)
        shutil.rmtree(old)
    else:
        os.rename(folder, target)


# --------------------------------------------------------------------------------------------------
# The set.


def write_source(source, path, folder, counts):
    """Writes a source's heads, adds to counts[class, source]; gives what it left out and why."""
    left_out = collections.Counter()
    seen = set()

    def keep(sequence):
        kind, reason = classify(source.name, sequence)
        left_out.update([reason] if reason else [])
        return kind is not None

    for sequence, png in source.read(path, keep):
        digest = hashlib.sha256(png).digest()
        if digest in seen:
            left_out["drawn twice"] += 1
            continue
        seen.add(digest)
        kind, _ = classify(source.name, sequence)
        name = "-".join(f"{code:x}" for code in sequence)
        (folder / kind).mkdir(exist_ok=True)
        (folder / kind / f"{source.name}-{name}.png").write_bytes(png)
        counts[kind, source.name] += 1
    if not seen:
        fail(f"{path} of {source.package} has no heads; it is not the package we know")
    return left_out


def table(counts):
    kinds = sorted({kind for kind, _ in counts})
    names = [source.name for source in SOURCES]
    rows = [["class"] + names + ["all"]]
    for kind in kinds:
        row = [counts[kind, name] for name in names]
        rows.append([kind] + row + [sum(row)])
    rows.append(["all"] + [sum(row[i] for row in rows[1:]) for i in range(1, len(names) + 2)])
    return "\n".join(f"{row[0]:<10}" + "".join(f"{cell:>10}" for cell in row[1:]) for row in rows)


def make(target):
    check_tools()
    check_target(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    counts = collections.Counter()
    notes = []
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as work:
        folder = pathlib.Path(work) / "set"
        folder.mkdir()
        for source in SOURCES:
            packages = pathlib.Path(work) / source.package
            packages.mkdir()
            path, version, origin = obtain(source, packages)
            left_out = write_source(source, path, folder, counts)
            notes.append(f"{source.name}: {source.licence}; package {source.package} {version}")
            print(f"{source.name}: {source.package} {version}, {origin}; left out: " +
                  ", ".join(f"{n} {reason}" for reason, n in sorted(left_out.items())),
                  flush=True)
        (folder / MARKER).write_text("\n".join(notes) + "\n\n" + table(counts) + "\n",
                                     encoding="utf-8")
        replace(folder, target)
    print(table(counts))


def write_sheet(target, path, columns=12, rows=8, cell=64):
    """A sample of the set on white, in a palette to keep it small."""
    try:
        from PIL import Image
    except ImportError:
        fail("--sheet needs python3-pil; apt-get install python3-pil")
    files = sorted(target.glob("*/*.png"))
    sheet = Image.new("RGB", (columns * cell, rows * cell), "white")
    for i, file in enumerate(random.Random(1).sample(files, min(len(files), columns * rows))):
        image = Image.open(file).convert("RGBA")
        image.thumbnail((cell, cell), Image.LANCZOS)
        x, y = i % columns * cell, i // columns * cell
        sheet.paste(image, (x + (cell - image.width) // 2, y + (cell - image.height) // 2), image)
    sheet.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def main():
    parser = argparse.ArgumentParser(prog=PROGRAM,
                                     description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to",
                        type=pathlib.Path,
                        required=True,
                        metavar="DIR",
                        help="folder to make; it gets a folder for each class")
    parser.add_argument("--sheet",
                        type=pathlib.Path,
                        metavar="PNG",
                        help="also write a sample of the set as one picture")
    options = parser.parse_args()
    target = pathlib.Path(os.path.abspath(options.to))
    try:
        make(target)
        if options.sheet:
            write_sheet(target, options.sheet)
    except OSError as error:
        fail(f"{error.filename or 'standard output'}: {error.strerror}")


if __name__ == "__main__":
    main()
