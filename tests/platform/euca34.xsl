<?xml version="1.0" encoding="UTF-8"?>
<!-- The shape of a node controller's stylesheet up to 4.0: no <cpu>. -->
<xsl:transform xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0">
    <xsl:output encoding="UTF-8" indent="yes" method="xml"/>
    <xsl:template match="/instance">
        <domain type="qemu">
            <name><xsl:value-of select="/instance/name"/></name>
            <os><type>hvm</type></os>
            <vcpu>
                <xsl:value-of select="/instance/cores"/>
            </vcpu>
            <memory>65536</memory>
        </domain>
    </xsl:template>
</xsl:transform>
