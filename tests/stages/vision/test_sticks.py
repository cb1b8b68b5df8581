"""Which Edge TPUs there are, and which are tried."""

import pytest

from stages.vision.sticks import candidates, plugged


def test_what_the_system_shows(tmp_path):
    """USB sticks count before and after their firmware is loaded, cards by their device; others do not."""
    ids = {
        "1-1": ("1a6e", "089a"),
        "2-1": ("18d1", "9302"),
        "2-2": ("18d1", "4ee7"),
        "usb1": ("1d6b", "0002"),
    }
    for name, (vendor, product) in ids.items():
        (tmp_path / "usb" / name).mkdir(parents=True)
        (tmp_path / "usb" / name / "idVendor").write_text(f"{vendor}\n")
        (tmp_path / "usb" / name / "idProduct").write_text(f"{product}\n")
    (tmp_path / "usb" / "3-1").mkdir()
    (tmp_path / "usb" / "3-1" / "idVendor").write_text("1a6e\n")  # pulled out while we look
    (tmp_path / "dev").mkdir()
    assert plugged(tmp_path / "usb", tmp_path / "dev") == ["usb:0", "usb:1"]
    (tmp_path / "dev" / "apex_0").touch()
    assert plugged(tmp_path / "usb", tmp_path / "dev") == ["usb:0", "usb:1", "pci:0"]
    assert plugged(tmp_path / "none", tmp_path / "none") == []


@pytest.mark.parametrize(
    ("wish", "seen", "tried"),
    [
        ("auto", ["usb:0", "usb:1", "pci:0"], ["usb:0", "usb:1", "pci:0"]),
        ("auto", [], ["usb:0", "usb:1", "pci:0"]),
        ("usb", ["usb:0", "usb:1", "pci:0"], ["usb:0", "usb:1"]),
        ("pci", ["usb:0"], ["pci"]),
        ("pci", [], ["pci:0"]),
        ("usb:1", ["usb:0"], ["usb:1"]),
    ],
)
def test_what_is_tried(wish, seen, tried):
    """All that fit the wish in turn; the system's list may be incomplete, so a wish is tried at least once."""
    assert candidates(wish, seen) == tried
