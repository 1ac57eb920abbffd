"""Clinics and trials simulated apart from `oc.simulate`, and what the answers make of them.

Nothing here knows the package's own simulator: ``clinic`` and ``arms`` write plain tables of the
data contract, ``cells`` says what is asked and what is true, ``__main__`` runs them:
``python -m studies.clinics [CELL ...] --studies 200``.
"""
