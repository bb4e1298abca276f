"""The peers' side of benchmarks/rules.py, run in their own environment: reads a case's name a line, answers with a JSON line.

An answer holds the seconds of one call and the weights. `given.npz` in the folder named first holds the covariance and sectors.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")

FOLDER, CAP, SECTOR_CAP = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
given = np.load(FOLDER / "given.npz")
C, sector = given["covariance"], given["sector"]
NAMES = [f"S{k}" for k in range(len(C))]
FRAME = pd.DataFrame(C, index=NAMES, columns=NAMES)
SECTORS = sorted({str(s) for s in sector})
ROWS = np.array([sector == int(s) for s in SECTORS], dtype=float)
SCARCE = pd.DataFrame(
    np.random.default_rng(0).normal(size=(5, len(C))) / 100, columns=NAMES
)  # returns no rule looks at


def pyportfolioopt(rule):
    from pypfopt import EfficientFrontier, HRPOpt

    def min_variance():
        frontier = EfficientFrontier(None, FRAME, weight_bounds=(0, CAP))
        of = {name: str(s) for name, s in zip(NAMES, sector, strict=True)}
        frontier.add_sector_constraints(of, dict.fromkeys(SECTORS, 0), dict.fromkeys(SECTORS, SECTOR_CAP))
        frontier.min_volatility()
        return frontier.weights

    def hrp():
        weights = HRPOpt(None, FRAME).optimize(linkage_method="single")
        return [weights[name] for name in NAMES]

    return {"min-variance": min_variance, "hrp": hrp}[rule]


def skfolio(rule):
    from skfolio import RiskMeasure
    from skfolio.cluster import HierarchicalClustering, LinkageMethod
    from skfolio.distance import CovarianceDistance
    from skfolio.moments import BaseCovariance
    from skfolio.optimization import HierarchicalRiskParity, MeanRisk, RiskBudgeting
    from skfolio.prior import EmpiricalPrior

    class Given(BaseCovariance):
        def fit(self, X, y=None):  # noqa: ARG002 - as the peer calls it
            self.covariance_ = C
            return self

    prior = EmpiricalPrior(covariance_estimator=Given())
    groups = {name: [str(s)] for name, s in zip(NAMES, sector, strict=True)}
    caps = [f"{s} <= {SECTOR_CAP}" for s in SECTORS]
    tree = HierarchicalClustering(linkage_method=LinkageMethod.SINGLE)
    models = {
        "min-variance": lambda: MeanRisk(
            risk_measure=RiskMeasure.VARIANCE,
            max_weights=CAP,
            groups=groups,
            linear_constraints=caps,
            prior_estimator=prior,
        ),
        "hrp": lambda: HierarchicalRiskParity(
            risk_measure=RiskMeasure.VARIANCE,
            prior_estimator=prior,
            distance_estimator=CovarianceDistance(covariance_estimator=Given()),
            hierarchical_clustering_estimator=tree,
        ),
        "risk-parity": lambda: RiskBudgeting(risk_measure=RiskMeasure.VARIANCE, prior_estimator=prior),
    }
    return lambda: models[rule]().fit(SCARCE).weights_


def riskfolio(rule):
    import riskfolio as rp

    def portfolio():
        one = rp.Portfolio(returns=SCARCE)
        one.mu, one.cov = SCARCE.mean().to_frame().T, FRAME
        return one

    def min_variance():
        one = portfolio()
        one.upperlng = CAP
        one.ainequality, one.binequality = ROWS, np.full((len(ROWS), 1), SECTOR_CAP)
        return one.optimization(model="Classic", rm="MV", obj="MinRisk", hist=True)["weights"]

    def risk_parity():
        return portfolio().rp_optimization(model="Classic", rm="MV", rf=0, b=None, hist=True)["weights"]

    def hrp():
        tree = rp.HCPortfolio(returns=SCARCE)
        choice = {"linkage": "single", "leaf_order": False}
        return tree.optimization(
            model="HRP", codependence="custom_cov", rm="MV", method_cov="custom_cov", custom_cov=FRAME, **choice
        )["weights"]

    return {"min-variance": min_variance, "hrp": hrp, "risk-parity": risk_parity}[rule]


PEERS = {"PyPortfolioOpt": pyportfolioopt, "skfolio": skfolio, "Riskfolio-Lib": riskfolio}


def answer(peer, rule):
    try:
        call = PEERS[peer](rule)
        start = time.perf_counter()
        weights = call()
        took = time.perf_counter() - start
        return {"seconds": took, "weights": np.asarray(weights, dtype=float).ravel().tolist()}
    except KeyError:
        return {"has it": False}
    except Exception as error:  # noqa: BLE001 - whatever a peer raises is said in its line
        return {"failed": f"{type(error).__name__}: {error}"[:300]}


if __name__ == "__main__":
    replies, sys.stdout = sys.stdout, sys.stderr  # what a peer prints is no answer
    for line in sys.stdin:
        print(json.dumps(answer(*line.rstrip("\n").split("\t"))), file=replies, flush=True)
