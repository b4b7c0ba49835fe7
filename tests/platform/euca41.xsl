<?xml version="1.0" encoding="UTF-8"?>
<!-- The shape of a node controller's stylesheet since 4.1: a <cpu> with a topology. -->
<xsl:transform xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0">
    <xsl:output encoding="UTF-8" indent="yes" method="xml"/>
    <xsl:template match="/instance">
        <domain type="qemu">
            <name><xsl:value-of select="/instance/name"/></name>
            <os><type>hvm</type></os>
            <vcpu>
                <xsl:value-of select="/instance/cores"/>
            </vcpu>
            <cpu>
              <xsl:if test="/instance/cpuPassthrough = 'true'">
                <xsl:attribute name="mode">host-passthrough</xsl:attribute>
              </xsl:if>
              <topology>
                <xsl:attribute name="sockets">1</xsl:attribute>
                <xsl:attribute name="cores">
                  <xsl:value-of select="/instance/cores"/>
                </xsl:attribute>
                <xsl:attribute name="threads">1</xsl:attribute>
              </topology>
            </cpu>
            <memory>65536</memory>
        </domain>
    </xsl:template>
</xsl:transform>
