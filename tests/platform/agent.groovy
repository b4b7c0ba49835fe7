// SPDX-License-Identifier: LGPL-2.1-or-later
// Calls a transformer as the agent 4.14 to 4.20 does (LibvirtKvmAgentHook.handle): agent.groovy FOLDER SCRIPT FILE
def engine = new groovy.util.GroovyScriptEngine(args[0])
def transformer = engine.run(args[1], new Binding())
def logger = [warn: { System.err.println(it) }] as Expando
print transformer.invokeMethod('transform', [logger, new File(args[2]).getText('UTF-8')] as Object[])
