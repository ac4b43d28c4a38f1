"""Judged trees to rows with their final advantages, once a step: "what is A of this token?" is answered here alone.

phase.py is the way through: pay.py (the two questions that roles ask: what a solution, what a draw is paid; draws.py
answers the second), groups.py (who is compared), rows.py, then whitening.py, planning.py (HICRA) and distillation.py.
advantages.py and attempts.py are what methods are made of, measurements.py and standing.py what they may ask for.

Named methods, a file each: `advantage=` group_baselines, reinforce_pp, maxrl, uniqueness, ucpo, polychromic, nudge,
pass_at_k; `shaping=` effective_rank (with rank_bonus), entrocraft, autopilot; diversity.py is `abstraction.diversity`.
"""
