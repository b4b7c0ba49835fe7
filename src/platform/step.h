// SPDX-License-Identifier: LGPL-2.1-or-later
/// Where a killed process could leave something half done. The test of crash safety builds these
/// sources with CPULIFT_STEPS and gets a call before every change to the file system; the product
/// has nothing there.
#pragma once

#ifdef CPULIFT_STEPS
void step_reached(void);
#define STEP() step_reached()
#else
#define STEP() ((void)0)
#endif
