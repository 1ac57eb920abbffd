"""What the answers recover: scenario x answer x estimand, promised first and then proved.

``cases`` holds the promises, ``truths`` what is true, ``naive`` the analyses that go wrong, ``run``
simulates and answers, ``judge`` compares, ``page`` writes docs/validation.md. All of it:
``python run.py validate [--quick]``.
"""
