#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each mobility model at reference values: the current of a uniform bar, whose field is V/L everywhere, is its mobility.
# Usage: ddg=PROGRAM models.sh
ddg=${ddg:?} mpirun=${mpirun:-mpirun} scratch=$(mktemp -d)
export ddg mpirun scratch
. "$(dirname "$0")/common.sh"

# mobility N VOLTS ARGUMENTS...: of a bar of 40 x 5.8 x 15 nm, cm^2/(V s)
mobility() {
    level=$1 volts=$2
    shift 2
    run 1 -device bar -nx 4 -ny 1 -nz 1 -doping uniform -doping_level "$level" -vg 0 -vd "$volts" "$@" |
        awk -v n="$level" -v v="$volts" '{ printf "%.8g\n", $3 * 40e-7 / (v * 1.602176634e-19 * n * 5.8e-7 * 15e-7) }'
}

# Arora, Hauser and Roulston 1982, electrons: 88 t^-0.57 + 7.4e8 T^-2.33 / (1 + (N/(1.26e17 t^2.4))^(0.88 t^-0.146)), t = T/300.
while read -r level temperature wanted; do
    near "arora, N = $level, $temperature K" "$(mobility "$level" 0.001 -mobility arora -temperature "$temperature")" "$wanted" 1e-4
done <<'TABLE'
1e15 300 1322.310
1e16 300 1218.237
1e17 300 777.336
1e18 300 262.110
1e19 300 114.104
1e20 300 91.505
1e16 250 1761.726
1e17 250 965.793
1e19 250 122.068
1e16 400 675.505
1e17 400 513.450
1e19 400 102.078
TABLE

# Caughey and Thomas 1967 with the defaults: 52.2 + 1364.8 / (1 + (N/9.68e16)^0.68); at N = mu_ref the mean of both ends.
while read -r level wanted; do
    near "caughey, N = $level" "$(mobility "$level" 0.001 -mobility caughey)" "$wanted" 1e-4
done <<'TABLE'
1e15 1358.694
1e16 1176.786
9.68e16 734.6
1e17 727.054
1e18 283.784
1e20 64.267
TABLE
near "constant" "$(mobility 1e19 0.001 -mu 321)" 321 1e-5

# Velocity saturation at 0.1 V over 40 nm, 2.5e4 V/cm, mu = 200: 5e6 cm/s against vsat = 1e7.
while read -r beta wanted; do
    near "saturation, beta = $beta" "$(mobility 1e19 0.1 -mobility_field on -vsat 1e7 -beta "$beta")" "$wanted" 1e-4
done <<'TABLE'
1 133.3333
1.3 153.8740
2 178.8854
TABLE
near "far beyond saturation the carriers move at vsat (cm/s)" \
    "$(mobility 1e19 0.1 -mobility_field on -vsat 1e5 | awk '{ print $1 * 2.5e4 }')" 99980.01 1e-4

# The perpendicular field: with another transport axis the bar's own field is one.
while read -r axis critical gamma wanted; do
    near "perpendicular field, axis $axis, e_perp = $critical, gamma = $gamma" \
        "$(mobility 1e19 0.1 -mobility_perp on -transport_axis "$axis" -e_perp "$critical" -gamma_perp "$gamma")" "$wanted" 1e-4
done <<'TABLE'
x 2.5e4 1 200
y 2.5e4 1 100
z 1e5 1 160
z 1e5 2 188.2353
y 1e5 1.5 177.7778
TABLE
finish
