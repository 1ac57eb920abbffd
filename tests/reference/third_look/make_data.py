"""Simulate the data sets of this folder: csv/*.csv."""

import numpy as np
import pandas as pd

rng = np.random.default_rng(20261127)


def save(data, name):
    data.round(4).to_csv(f"csv/{name}.csv", index=False)


def visits():
    """Patients of one therapist each with one to eight visits; weights, a response above zero."""
    rows = []
    for i in range(36):
        arm, sex, th = "ABC"[rng.integers(3)], "fm"[rng.integers(2)], f"t{rng.integers(7)}"
        age, level, slope = rng.normal(45, 12), rng.normal(0, 1.2), rng.normal(0, 0.2)
        for visit in range(1, rng.integers(2, 10)):
            flag, grade = bool(rng.integers(2)), ["a", "b", "c", "d"][rng.integers(4)]
            x, w, dose, th2 = rng.normal(), rng.uniform(0.3, 3), rng.integers(1, 5), rng.integers(5)
            y = 6 - 0.3 * visit + level + slope * visit + 0.02 * (age - 45) + rng.normal()
            rows.append([f"p{i:02}", arm, sex, th, age, visit, flag, grade, x, w, dose, th2, y])
    names = [
        "id",
        "arm",
        "sex",
        "th",
        "age",
        "visit",
        "flag",
        "grade",
        "x",
        "w",
        "dose",
        "th2",
        "y",
    ]
    data = pd.DataFrame(rows, columns=names)
    data["th2"] = "t" + data["th2"].astype(str)
    return data.assign(pos=np.exp(data["y"] / 4))


def crossed():
    """Eleven subjects by four items, some cells missing."""
    rows = [(f"s{i:02}", f"i{j}", "ab"[(i + j) % 2]) for i in range(11) for j in range(4)] * 2
    data = pd.DataFrame(rows, columns=["subj", "item", "cond"])
    data["x"] = rng.normal(size=len(data))
    data["y"] = 10 + rng.normal(size=11)[data["subj"].str[1:].astype(int)] + 0.3 * data["x"]
    data["y"] += rng.normal(size=4)[data["item"].str[1:].astype(int)] + rng.normal(size=len(data))
    return data[rng.random(len(data)) > 0.2]


def levels():
    """Patients in clinics in regions, one to five visits each; names repeat in each place."""
    rows = []
    for g in range(5):
        region = rng.normal(0, 0.7)
        for k in range(rng.integers(2, 5)):
            clinic = rng.normal(0, 0.8)
            for p in range(rng.integers(2, 6)):
                patient = rng.normal()
                for v in range(rng.integers(1, 6)):
                    y = 3 + region + clinic + patient - 0.2 * v + rng.normal(0, 0.7)
                    rows.append([f"g{g}", f"c{k}", f"p{p}", v, "xy"[(p + k) % 2], y])
    return pd.DataFrame(rows, columns=["region", "clinic", "pat", "v", "arm", "y"])


def half():
    """One group holds half of all rows."""
    data = pd.DataFrame({"g": ["big"] * 50 + [f"s{i:02}" for i in range(25) for _ in range(2)]})
    data["x"] = rng.normal(size=100)
    group = dict(zip(data["g"].unique(), rng.normal(size=26), strict=True))
    return data.assign(y=2 + data["x"] / 2 + data["g"].map(group) + rng.normal(size=100))


def single():
    """Most groups have one row, no group more than two."""
    data = pd.DataFrame({"g": [*range(40), *range(12)], "a": ["u", "v"] * 26})
    data["x"] = rng.normal(size=52)
    data["y"] = 1 + 0.4 * data["x"] + 1.5 * rng.normal(size=40)[data["g"]] + rng.normal(size=52)
    return data.assign(g="g" + data["g"].astype(str).str.zfill(2))


def tied():
    """Slopes that nearly follow the intercepts."""
    data = pd.DataFrame({"g": np.repeat(range(20), 8), "t": [*range(8)] * 20})
    level, arm = rng.normal(size=20)[data["g"]], rng.integers(2, size=20)[data["g"]]
    slope = level * 0.5 + 0.03 * rng.normal(size=20)[data["g"]]
    data["y"] = level + slope * data["t"] + rng.normal(0, 0.4, 160)
    return data.assign(a=np.array(["p", "q"])[arm], g="g" + data["g"].astype(str).str.zfill(2))


def series():
    """Five visits on days of their own, serial correlation, a variance that grows, some missed."""
    n, k = 60, 5
    error = rng.normal(size=(n, k))
    for visit in range(1, k):
        error[:, visit] = 0.6 * error[:, visit - 1] + 0.8 * error[:, visit]
    data = pd.DataFrame({"id": np.repeat(range(n), k), "k": [*range(k)] * n})
    data["day"] = np.cumsum(rng.integers(3, 15, (n, k)), axis=1).ravel()
    data["base"], data["arm"] = (
        rng.normal(5, 1, n)[data["id"]],
        np.array(["c", "t"])[data["id"] % 2],
    )
    change = -0.3 - 0.2 * (data["arm"] == "t")
    data["y"] = data["base"] + change * data["k"] + error.ravel() * (1 + 0.2 * data["k"])
    data["clinic"] = data["id"] % 7
    return data[rng.random(len(data)) > 0.12]


for made in (visits, crossed, levels, half, single, tied, series):
    save(made(), made.__name__)
