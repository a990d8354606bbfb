"""Writes exact_codes.csv: codes of decimal values under decimal scales, in rational arithmetic."""

import random
from fractions import Fraction

random.seed(20251123)
print("x,scale,zero_point,max_code,code,clipped")
for case in range(600):
    scale = round(random.choice([0.1, 0.6, 0.06, 0.3, 0.7, 1e-3, 12.1, 3.3]) * random.randint(1, 9), 6)
    max_code = random.choice([1, 15, 255, 4095, 65535])
    zero_point = random.choice([0, 3, -2000, max_code // 2])
    # Two cases of three lie next to a tie, as decimals do, some of them at or beyond the ends.
    half_steps = 2 * random.randint(-2, max_code + 1) + 1 - 2 * zero_point
    x = scale * half_steps / 2 if case % 3 else random.uniform(-1, max_code + 1) * scale
    x = float(f"{x:.12g}")
    steps = Fraction(x) / Fraction(scale)  # of the doubles, exactly
    code = min(max(round(steps) + zero_point, 0), max_code)  # round() of a Fraction ties to even
    clipped = abs(steps - (code - zero_point)) > Fraction(1, 2)
    print(f"{x!r},{scale!r},{zero_point},{max_code},{code},{int(clipped)}")
