"""What setup.cfg cannot say: the links that follow from the project's address, which stands there as ``url``."""

import re
from configparser import ConfigParser
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).resolve().parent
SETTINGS = ConfigParser(interpolation=None)
SETTINGS.read(HERE / "setup.cfg", "utf-8")
ADDRESS = SETTINGS["metadata"]["url"]


def absolute(link: "re.Match[str]") -> str:
    """A link of README that also leads somewhere where README is shown outside of the repository."""
    kind = "raw" if link["image"] else "blob"
    return f"{link['image']}[{link['words']}]({ADDRESS}/{kind}/main/{link['target']})"


README = (HERE / "README.md").read_text("utf-8")

setup(
    long_description=re.sub(r"(?P<image>!?)\[(?P<words>[^]]*)\]\((?P<target>(?!https?:|#)[^)\s]+)\)", absolute, README),
    long_description_content_type="text/markdown",
    project_urls={
        "Documentation": f"{ADDRESS}/blob/main/README.md",
        "Changelog": f"{ADDRESS}/blob/main/CHANGELOG.md",
        "Source": ADDRESS,
        "Issues": f"{ADDRESS}/issues",
    },
)
