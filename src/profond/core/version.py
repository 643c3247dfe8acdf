"""Which version this is; a release changes it here."""

VERSION = "0.1.0"
