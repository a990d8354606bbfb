"""Writes table.csv: the security of every dimension that `GlweParams::validate` accepts, at the least noise that it
accepts there, by the lattice estimator (github.com/malb/lattice-estimator).

    pip install passagemath-standard-no-symbolics passagemath-symbolics
    git clone https://github.com/malb/lattice-estimator
    PYTHONPATH=lattice-estimator python estimate.py > table.csv
"""

from estimator import LWE, ND, RC
from sage.all import log, oo

ATTACKS = {"usvp": LWE.primal_usvp, "bdd": LWE.primal_bdd, "dual_hybrid": LWE.dual_hybrid}


def noise_bound_log2(n):
    nano = 68_100_671_000 - 25_167_785 * n
    return max(3, -(-nano // 1_000_000_000))


print("dimension,noise_bound_log2,usvp_bits,bdd_bits,dual_hybrid_bits")
for n in range(512, 4097, 64):
    b = noise_bound_log2(n)
    lwe = LWE.Parameters(n=n, q=2**64, Xs=ND.UniformMod(2), Xe=ND.TUniform(b), m=oo)
    costs = [attack(lwe, red_cost_model=RC.MATZOV)["rop"] for attack in ATTACKS.values()]
    print(n, b, *(f"{float(log(cost, 2)):.1f}" for cost in costs), sep=",", flush=True)
