"""The four tables of the data contract: episodes, sessions, assessments, goals.

Time is ``day``, days since the episode's first visit. Unknown is an empty cell, never a code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from outcomes.dictionary.columns import ColumnSpec, TableSpec

if TYPE_CHECKING:
    import pandas as pd

CONDITIONS = (
    "neck_mvc", "neck_other", "headache", "carpal_tunnel", "sciatica",
    "knee_pain", "arthritis", "post_op", "low_back", "other",
)  # fmt: skip
MECHANISMS = ("mvc", "fall", "overuse", "surgery", "none", "unknown")
AGE_BANDS = (*(f"{low}-{low + 9}" for low in range(0, 90, 10)), "90+")
SEXES = ("female", "male", "other")
REFERRALS = ("physician_script", "physician_advice", "self")
ADAPTATIONS = (
    "none", "cancer", "breast_cancer", "hypertension", "osteoporosis", "neuropathy", "scar",
    "organ_failure", "frail", "emphysema", "autoimmune", "device", "end_of_life",
)  # fmt: skip
CLEARANCES = ("not_required", "pending", "cleared", "limited", "refused")
END_REASONS = (
    "goal_met", "plateau", "worse", "declined", "cost", "moved", "adverse_event", "medical",
    "death", "unknown", "ongoing",
)  # fmt: skip
STATUSES = ("attended", "stopped_early", "cancelled", "no_show")
RECEIVED = ("attended", "stopped_early")
"""Statuses under which hands-on care was given; only these visits count as sessions received."""
TIMINGS = ("baseline", "pre_session", "post_session", "discharge", "follow_up")
COURSE_TIMINGS = ("pre_session", "discharge", "follow_up")
"""Timings that make up the course; a post-session score is another outcome and never in it."""
ADVERSE_EVENTS = ("none", "soreness", "bruise", "headache", "dizziness", "fatigue", "other")

_ID = "random id, made by the study; never a name or a record number"

EPISODES = TableSpec(
    "episodes",
    "One course of care for one condition.",
    (
        ColumnSpec("episode_id", "id", f"The course: {_ID}.", required=True, role="key"),
        ColumnSpec("patient_id", "id", f"The patient: {_ID}.", role="key"),
        ColumnSpec("clinic_id", "id", f"The clinic: {_ID}.", role="quasi_identifier"),
        ColumnSpec(
            "condition", "category", "What the course is for.",
            categories=CONDITIONS, open_list=True, role="quasi_identifier",
        ),
        ColumnSpec("mechanism", "category", "How it began.", categories=MECHANISMS),
        ColumnSpec("onset_weeks", "number", "Weeks since onset at day 0.", "weeks", minimum=0),
        ColumnSpec("recurrent", "boolean", "Whether an old problem came back."),
        ColumnSpec(
            "age_band", "category", "Age in ten-year bands, 90 and over together.",
            categories=AGE_BANDS, role="quasi_identifier",
        ),
        ColumnSpec("sex", "category", "Sex.", categories=SEXES, role="quasi_identifier"),
        ColumnSpec("referral", "category", "How the patient came.", categories=REFERRALS),
        ColumnSpec(
            "therapist_id", "id", "Therapist of the course, where sessions do not say.",
            role="quasi_identifier",
        ),
        ColumnSpec(
            "adaptations", "list", "Reasons to adapt touch; `none`, or a list; empty = not asked.",
            categories=ADAPTATIONS, role="sensitive",
        ),
        ColumnSpec("clearance_required", "boolean", "Whether a physician had to clear care first."),
        ColumnSpec("clearance", "category", "The physician's clearance.", categories=CLEARANCES),
        ColumnSpec("clearance_day", "integer", "Day of the clearance.", "day"),
        ColumnSpec(
            "pressure_ceiling", "integer", "Highest pressure allowed (Walton).", "Walton 0-5",
            minimum=0, maximum=5,
        ),
        ColumnSpec(
            "sessions_per_week", "number", "Script: visits a week.", "per week",
            minimum=0.25, maximum=7,
        ),
        ColumnSpec(
            "minutes", "integer", "Script: minutes a visit.", "min",
            minimum=15, maximum=120, multiple_of=15,
        ),
        ColumnSpec("weeks", "number", "Script: number of weeks.", "weeks", minimum=1, maximum=52),
        ColumnSpec("claim_open", "boolean", "Whether an insurance claim was open."),
        ColumnSpec(
            "sessions_attended", "integer", "Visits of the whole course: an outcome, not a dose.",
            "visits", minimum=0,
        ),
        ColumnSpec("end_reason", "category", "Why the course ended.", categories=END_REASONS),
        ColumnSpec("end_day", "integer", "Day on which the course ended.", "day", minimum=0),
        ColumnSpec("arm", "category", "Arm of a trial.", open_list=True),
    ),
    key=("episode_id",),
)  # fmt: skip

SESSIONS = TableSpec(
    "sessions",
    "One visit.",
    (
        ColumnSpec("episode_id", "id", "The course.", required=True, role="key"),
        ColumnSpec(
            "session", "integer", "1, 2, ... over attended visits.", "visit", minimum=1, role="key"
        ),
        ColumnSpec("day", "number", "Days since the first visit, which is day 0.", "day"),
        ColumnSpec("therapist_id", "id", "Therapist of the visit.", role="quasi_identifier"),
        ColumnSpec("status", "category", "What became of the visit.", categories=STATUSES),
        ColumnSpec("minutes", "number", "Hands-on time.", "min", minimum=0, maximum=240),
        ColumnSpec(
            "pressure", "integer", "Modal pressure (Walton).", "Walton 0-5", minimum=0, maximum=5
        ),
        ColumnSpec(
            "pressure_planned", "integer", "Planned pressure (Walton).", "Walton 0-5",
            minimum=0, maximum=5,
        ),
        ColumnSpec(
            "pressure_max", "integer", "Highest pressure used (Walton).", "Walton 0-5",
            minimum=0, maximum=5,
        ),
        ColumnSpec("techniques", "list", "Techniques used.", open_list=True),
        ColumnSpec(
            "adverse_event", "category", "What the patient reported of the visit.",
            categories=ADVERSE_EVENTS, open_list=True,
        ),
        ColumnSpec(
            "adverse_severity", "integer", "0 none ... 5; empty = not asked.", "0-5",
            minimum=0, maximum=5,
        ),
    ),
    key=("episode_id", "session"),
)  # fmt: skip

ASSESSMENTS = TableSpec(
    "assessments",
    "One score of one instrument at one time.",
    (
        ColumnSpec("episode_id", "id", "The course.", required=True, role="key"),
        ColumnSpec(
            "session", "integer", "Visit of the score (session or day is required).", "visit",
            minimum=1, role="key",
        ),
        ColumnSpec("day", "number", "Day of the score (session or day is required).", "day"),
        ColumnSpec("timing", "category", "When it was taken.", categories=TIMINGS),
        ColumnSpec("instrument", "category", "Short name of the instrument.",
                   open_list=True, required=True, role="key"),
        ColumnSpec("score", "number", "The score, in the instrument's unit.", required=True),
        ColumnSpec("recall", "category", "Period asked about.",
                   categories=("now", "24h", "7d", "worst"), open_list=True),
        ColumnSpec("joint", "category", "Joint of a range of motion.",
                   categories=("cervical", "lumbar", "shoulder", "elbow", "wrist", "hip", "knee",
                               "ankle"), open_list=True),
        ColumnSpec("plane", "category", "Plane of a range of motion.",
                   categories=("flexion", "extension", "lateral_flexion", "rotation", "abduction"),
                   open_list=True),
        ColumnSpec("side", "category", "Side.", categories=("left", "right", "both")),
        ColumnSpec("mode", "category", "Mode of a range of motion.",
                   categories=("active", "passive")),
        ColumnSpec("device", "category", "Device of a range of motion.",
                   categories=("goniometer", "inclinometer", "crom", "app", "visual")),
        ColumnSpec("assessor", "category", "Who took the score.",
                   categories=("patient", "treating_therapist", "other_clinician")),
        ColumnSpec("blinded", "boolean", "Whether the assessor did not know the care given."),
    ),
    key=("episode_id", "instrument", "timing", "session", "day", "joint", "plane", "side"),
)  # fmt: skip

GOALS = TableSpec(
    "goals",
    "One goal of one course.",
    (
        ColumnSpec("episode_id", "id", "The course.", required=True, role="key"),
        ColumnSpec("instrument", "category", "Instrument of the goal.",
                   open_list=True, required=True, role="key"),
        ColumnSpec("baseline", "number", "Score when the goal was set."),
        ColumnSpec("target", "number", "Score to be reached.", required=True),
        ColumnSpec("by_day", "integer", "To be reached by this day.", "day", minimum=0),
        ColumnSpec("by_sessions", "integer", "To be reached within so many sessions.", "visits",
                   minimum=1),
        ColumnSpec("set_day", "integer", "Day on which it was set.", "day"),
        ColumnSpec("set_by", "category", "Who set it.",
                   categories=("physician", "patient", "therapist", "shared")),
        ColumnSpec("weight", "number", "Importance, for goal attainment scaling.", minimum=0),
        ColumnSpec("gas_level", "integer", "Attainment, -2 ... +2.", minimum=-2, maximum=2),
    ),
    key=("episode_id", "instrument"),
)  # fmt: skip

TABLES: dict[str, TableSpec] = {
    table.name: table for table in (EPISODES, SESSIONS, ASSESSMENTS, GOALS)
}
"""The data contract by table name."""


def received(status: pd.Series[Any]) -> pd.Series[bool]:
    """Return whether each visit was one with care: attended, stopped early, or no status said.

    Examples
    --------
    >>> import pandas as pd
    >>> received(pd.Series(["attended", None, "no_show"])).tolist()
    [True, True, False]
    """
    return status.isin(RECEIVED) | status.isna()
