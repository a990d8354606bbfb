"""What a compiled model costs and discloses."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any


class Report(Mapping[str, Any]):
    """The report that `tenebra compile` prints, by name: `report["p_fail_log2"]`.

    In a notebook it shows as a table with the noise beside the room that there is for it.
    """

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    @classmethod
    def from_json(cls, text: str) -> Report:
        return cls(json.loads(text))

    def to_dict(self) -> dict[str, Any]:
        """All of it; a copy."""
        return copy.deepcopy(self._fields)

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def _rows(self) -> list[tuple[str, str]]:
        fields = self._fields
        lost = fields["quantization"]
        rows = [
            ("model", f"{fields['model']}, scheme {fields['scheme']}, {fields['query_mode']} queries"),
            ("security", f"{fields['security_bits']} bits"),
            ("p_fail", f"2^{fields['p_fail_log2']:.1f}"),
            ("evaluation key", _size(fields["evaluation_key_bytes"])),
            ("query", _size(fields["query_bytes"])),
            ("response", _size(fields["response_bytes"])),
            ("predicted time of a row", f"{fields['predicted_evaluate_ms']:.3g} ms{_took(fields['measured_noise'])}"),
        ]
        if fields.get("batch"):
            batch = fields["batch"]
            rows.append(("rows of a query", f"{batch['rows']} in {batch['predicted_evaluate_ms']:.3g} ms"))
        if lost["class_agreement"] is not None:
            rows.append(("class agreement", f"{lost['class_agreement']:.2%} of the calibration rows"))
        if lost["max_score_error"] is not None:
            rows.append(("largest score error", f"{lost['max_score_error']:.3g} of {lost['score_range'] or 0:.3g}"))
        return rows

    def __repr__(self) -> str:
        rows = self._rows()
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)

    def _repr_html_(self) -> str:
        cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in self._rows())
        return f"<table>{cells}</table>{self._noise_svg()}{self._plan_svg()}"

    def _noise_svg(self) -> str:
        """The output's noise, a bell, between the borders beyond which decryption fails."""
        budget = self._fields.get("noise_budget")
        if not budget:
            return ""
        sigmas = budget["half_step_sigmas"]
        width, height, middle = 320, 70, 160
        reach = 150 / sigmas
        points = []
        for step in range(-60, 61):
            z = step / 10
            if abs(z * reach) <= 150:
                points.append(f"{middle + z * reach:.1f},{height - 20 - 45 * 2.718281828 ** (-z * z / 2):.1f}")
        borders = "".join(
            f'<line x1="{x}" x2="{x}" y1="2" y2="{height - 18}" stroke="currentColor" stroke-dasharray="3"/>'
            for x in (middle - 150, middle + 150)
        )
        return (
            f'<svg width="{width}" height="{height}" role="img" aria-label="noise of the output">{borders}'
            f'<polyline points="{" ".join(points)}" fill="none" stroke="steelblue" stroke-width="2"/>'
            f'<text x="{middle}" y="{height - 4}" text-anchor="middle" font-size="11" fill="currentColor">'
            f"noise of the output: half a step is {sigmas:.1f} standard deviations</text></svg>"
        )

    def _plan_svg(self) -> str:
        """What travels, as bars on a logarithmic scale."""
        fields = self._fields
        parts = [(name, fields[f"{name.replace(' ', '_')}_bytes"]) for name in ("query", "response", "evaluation key")]
        bars = []
        for place, (name, size) in enumerate(part for part in parts if part[1]):
            length = 20 * (size.bit_length() - 1) / 2
            y = 14 * place
            bars.append(
                f'<rect x="90" y="{y + 2}" width="{length:.0f}" height="10" fill="steelblue"/>'
                f'<text x="84" y="{y + 11}" text-anchor="end" font-size="11" fill="currentColor">{name}</text>'
                f'<text x="{96 + length:.0f}" y="{y + 11}" font-size="11" fill="currentColor">{_size(size)}</text>'
            )
        return f'<svg width="420" height="{14 * len(bars) + 4}" role="img" aria-label="sizes">{"".join(bars)}</svg>'


def _took(measured: list[dict[str, Any]]) -> str:
    """What a row took where the model was compiled."""
    took = measured[0].get("evaluate_ms") if measured and measured[0]["rows"] == 1 else None
    return "" if took is None else f", {took:.3g} ms where it was compiled"


def _size(count: int) -> str:
    if count == 0:
        return "none"
    for unit, scale in (("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} B"
