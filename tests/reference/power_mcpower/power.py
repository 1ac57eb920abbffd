"""Power of mixed models by MCPower on its own design: python power.py > numbers.csv."""

from importlib.metadata import version

from mcpower import MCPower

DESIGNS = (
    ("clinic", 20, 10, 0.2, 0.8),
    ("patient", 20, 10, 0.2, 0.2),
    ("clinic", 12, 25, 0.1, 0.6),
)
SIMULATIONS = 10_000

print("level,clusters,size,icc,effect,power,n,version")
for level, clusters, size, icc, effect in DESIGNS:
    model = MCPower("y ~ x + (1|clinic)", family="lme")
    model.set_effects(f"x={effect}")
    if level == "clinic":
        model.set_variable_type("x=binary")
    own = {"cluster_level_vars": ["x"]} if level == "clinic" else {}
    model.set_cluster("clinic", ICC=icc, n_clusters=clusters, **own)
    model.set_simulations(SIMULATIONS)
    model.set_seed(1)
    found = model.find_power(clusters * size, verbose=False, progress_callback=False)
    power = found["power_uncorrected"][0][0]
    print(level, clusters, size, icc, effect, power, SIMULATIONS, version("mcpower"), sep=",")
