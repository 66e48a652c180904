"""What scripts/avatars.py promises, without the packages: a small set stands in for EmojiOne."""

import contextlib
import importlib.util
import io
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

sys.dont_write_bytecode = True  # the source tree stays as it is
ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("avatars", ROOT / "scripts" / "avatars.py")
avatars = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(avatars)


class Classify(unittest.TestCase):

    def check(self, name, kind, reason=None, source="emojione"):
        self.assertEqual(avatars.classify(source, avatars.from_name(name)), (kind, reason))

    def test_takes_heads_with_or_without_a_skin_tone(self):
        self.check("1f468", "faces")
        self.check("1f468-1f3fd", "faces")
        self.check("1f469-1f3fd-200d-1f9b0", "faces")
        self.check("1f645-1f3fd-200d-2640-fe0f", "gestures")
        self.check("1f469-1f3fd-200d-2695-fe0f", "jobs")
        self.check("1f478-1f3fd", "roles")

    def test_leaves_out_several_people(self):
        self.check("1f468-200d-1f469-200d-1f466", None, "several people")
        self.check("1f9d1-1f3fb-200d-1f91d-200d-1f9d1-1f3fd", None, "several people")

    def test_leaves_out_full_figures(self):
        self.check("1f6b6-1f3fd", None, "other people and figures")
        self.check("1f469-1f3fd-200d-1f9bd", None, "other people and figures")

    def test_leaves_out_what_is_no_person(self):
        self.check("1f408", None, "no person")
        self.check("1f44d-1f3fd", None, "no person")

    def test_leaves_out_what_one_set_draws_otherwise(self):
        self.check("1f9b8", None, "drawn otherwise than the rest", source="noto")
        self.check("1f9b8", "roles", source="twemoji")

    def test_names_that_are_no_code_points_have_no_sequence(self):
        for name in ("man", "1f468-", "1f468 1f3fd", ""):
            self.assertIsNone(avatars.from_name(name))


class Make(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.pictures = self.root / "pictures"
        self.pictures.mkdir()
        for name, content in (("1f468", b"man"), ("1f469", b"woman"), ("1f478", b"princess"),
                              ("1f466", b"man"), ("1f408", b"cat")):
            (self.pictures / f"{name}.png").write_bytes(content)
        self.target = self.root / "set"
        source = avatars.Source("emojione", "package", "file", "licence", avatars.read_emojione)
        for name, value in (("SOURCES", (source,)), ("check_tools", lambda: None),
                            ("obtain", lambda *_: (self.pictures, "1.0", "installed"))):
            patch = unittest.mock.patch.object(avatars, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def make(self):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            avatars.make(self.target)
        return printed.getvalue()

    def content(self):
        return {
            str(path.relative_to(self.target)): path.read_bytes()
            for path in sorted(self.target.rglob("*"))
            if path.is_file()
        }

    def test_writes_heads_by_class_and_says_where_they_are_from(self):
        self.make()
        content = self.content()
        notes = content.pop("SOURCES.txt").decode()
        self.assertEqual(
            content, {
                "faces/emojione-1f466.png": b"man",
                "faces/emojione-1f469.png": b"woman",
                "roles/emojione-1f478.png": b"princess"
            })
        self.assertTrue(notes.startswith("emojione: licence; package package 1.0\n"))

    def test_says_how_many_it_left_out_and_why(self):
        self.assertIn("left out: 1 drawn twice, 1 no person\n", self.make())

    def test_a_second_run_replaces_the_first(self):
        self.make()
        first = self.content()
        (self.target / "faces" / "stale.png").write_bytes(b"stale")
        self.make()
        self.assertEqual(self.content(), first)
        self.assertEqual(sorted(path.name for path in self.root.iterdir()), ["pictures", "set"])

    def test_refuses_a_folder_that_it_did_not_make(self):
        self.target.mkdir()
        (self.target / "thesis.txt").write_bytes(b"")
        with self.assertRaises(SystemExit) as caught:
            self.make()
        self.assertEqual(
            caught.exception.code,
            f"avatars.py: {self.target} is not empty and was not made by this program; "
            "name another with --to")
        self.assertEqual(list(self.content()), ["thesis.txt"])

    def test_fills_an_empty_folder(self):
        self.target.mkdir()
        self.make()
        self.assertEqual(len(self.content()), 4)

    def test_a_failure_leaves_the_earlier_set(self):
        self.make()
        first = self.content()
        for picture in self.pictures.iterdir():
            picture.unlink()
        with self.assertRaises(SystemExit) as caught:
            self.make()
        self.assertEqual(
            caught.exception.code, f"avatars.py: {self.pictures} of package has no heads; "
            "it is not the package we know")
        self.assertEqual(self.content(), first)
        self.assertEqual(sorted(path.name for path in self.root.iterdir()), ["pictures", "set"])


if __name__ == "__main__":
    unittest.main()
