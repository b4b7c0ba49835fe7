// SPDX-License-Identifier: LGPL-2.1-or-later
/// Where a killed process could leave something half done, or another come between. The tests of
/// that build these sources with CPULIFT_STEPS and get a call before every change to the file
/// system, and where a lock is being taken; the product has nothing there.
#pragma once

#ifdef CPULIFT_STEPS
void step_reached(void);
#define STEP() step_reached()
#else
#define STEP() ((void)0)
#endif
