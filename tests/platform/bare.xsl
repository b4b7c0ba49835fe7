<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->
<!-- Takes away what a test machine cannot give: the platform's disks, bridges, channels, paths and passwords. -->
<xsl:transform xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0">
<xsl:template match="@*|node()"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:template>
<xsl:template match="disk|interface|channel|graphics|emulator|watchdog|console|serial|rng|controller|input|filesystem|nvram|boot|sysinfo|smbios"/>
<xsl:template match="memory|currentMemory"><xsl:element name="{name()}">65536</xsl:element></xsl:template>
<xsl:template match="vcpu">
<xsl:element name="vcpu"><xsl:copy-of select="@*"/><xsl:value-of select="."/></xsl:element></xsl:template>
<xsl:template match="maxMemory|cputune"/>
<xsl:template match="cell/@memory"><xsl:attribute name="memory">65536</xsl:attribute></xsl:template>
<xsl:template match="type[@machine='q35']/@machine"><xsl:attribute name="machine">pc</xsl:attribute></xsl:template>
<xsl:template match="type/@arch"><xsl:attribute name="arch">x86_64</xsl:attribute></xsl:template>
</xsl:transform>
