# SPDX-License-Identifier: LGPL-2.1-or-later
# Figures of ddg.md; run gnuplot plots.gp in this folder.
set terminal svg size 640,420 enhanced
set key top left
set grid
set output 'transfer.svg'
set title 'Reference FinFET, VD = 0.05 V (30 x 4 x 8 + 2 mesh)'
set xlabel 'VG [V]'
set ylabel 'ID [A]'
set logscale y
set format y '10^{%L}'
plot 'transfer-dg.tsv' with linespoints title 'density gradient', \
     'transfer-off.tsv' with linespoints title 'classical'
set output 'calibrated.svg'
set title 'finfet-10.7nm.ddg and the published points it was calibrated to'
$published << EOD
0.05 0.0 7.3e-10
0.05 1.0 1.17e-5
0.7 0.227 1e-6
0.7 0.7 3.08e-5
0.7 1.0 4.75e-5
EOD
set key bottom right
plot 'calibrated.tsv' using 2:($1 < 0.1 ? $3 : NaN) with linespoints title 'VD = 0.05 V', \
     'calibrated.tsv' using 2:($1 > 0.1 ? $3 : NaN) with linespoints title 'VD = 0.7 V', \
     $published using 2:3 with points pt 6 ps 1.5 title 'VENDES (published curves)'
set output 'mos.svg'
set title 'MOS capacitor, N_A = 10^{18} cm^{-3}, 1.5 nm oxide'
set xlabel 'VG - VFB [V]'
set ylabel 'inversion charge [cm^{-2}]'
plot 'mos-dg.tsv' using 1:2 with lines lw 2 title 'density gradient', \
     'mos-off.tsv' using 1:2 with lines lw 2 title 'classical'
set output 'centroid.svg'
unset logscale y
set format y '%g'
set key top right
set ylabel 'centroid of the electrons [nm]'
plot 'mos-dg.tsv' using 1:3 with lines lw 2 title 'density gradient', \
     'mos-off.tsv' using 1:3 with lines lw 2 title 'classical'
