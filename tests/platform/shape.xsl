<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->
<!-- The domain with the name `guest` and another number of virtual CPUs in another topology. What names CPUs one by one goes. -->
<xsl:transform xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0">
<xsl:param name="guest"/><xsl:param name="current"/><xsl:param name="max"/>
<xsl:param name="sockets"/><xsl:param name="cores"/><xsl:param name="threads"/>
<xsl:template match="@*|node()"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:template>
<xsl:template match="/domain">
<xsl:copy><xsl:apply-templates select="@*"/><name><xsl:value-of select="$guest"/></name><vcpu current="{$current}"><xsl:value-of select="$max"/></vcpu>
<xsl:if test="not(cpu)"><cpu><xsl:call-template name="topology"/></cpu></xsl:if>
<xsl:apply-templates select="node()"/></xsl:copy>
</xsl:template>
<xsl:template match="/domain/cpu[1]"><xsl:copy><xsl:apply-templates select="@*|node()"/><xsl:call-template name="topology"/></xsl:copy></xsl:template>
<xsl:template name="topology"><topology sockets="{$sockets}" cores="{$cores}" threads="{$threads}"/></xsl:template>
<xsl:template match="/domain/name|/domain/uuid|/domain/vcpu|/domain/vcpus|/domain/cputune|/domain/numatune|/domain/cpu/topology|/domain/cpu/numa"/>
</xsl:transform>
