"""Colours of classes that people with any kind of colour vision can tell apart."""

from __future__ import annotations
