// SPDX-License-Identifier: LGPL-2.1-or-later
#include "loss.h"

static int lost;

void loss_tell(const char *parameter, const char *path)
{
    fprintf(stderr,
            "cpulift-ddg: parameter '%s': cannot write '%.200s'; check the folder and free space\n",
            parameter, path);
    lost = 1;
}

int loss_any(void)
{
    return lost;
}

int loss_close(FILE *f)
{
    int bad = ferror(f);

    return fclose(f) || bad ? -1 : 0;
}
