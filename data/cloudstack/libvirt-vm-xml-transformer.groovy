// SPDX-License-Identifier: LGPL-2.1-or-later
// Written by 'cpulift apply' for @HOOK@; 'cpulift rollback' takes it away (cpulift-hook(8)).
// For agents 4.14 to 4.20, which run Groovy hooks only: gives the domain to cpulift-hook and takes
// its answer. Without a complete answer the domain stays as it was, or, where the hook is strict,
// is none that libvirt starts; cpulift-hook leaves a trace, and this where it cannot.
class CpuliftTransformer {
    String transform(Object logger, String xml) {
        try {
            def process = ['@HOOK@', 'cloudstack', *'@STRICT@'.tokenize(), 'groovy', 'transform', '-'].execute()
            process.outputStream.withWriter('UTF-8') { it << xml }
            def answer = process.inputStream.getText('UTF-8')
            def status = process.waitFor()
            return status == 0 && answer ? answer : status < 126 ? xml : fail(xml, "gave no answer (status ${status})")
        } catch (IOException e) {
            logger.warn('cpulift-hook: ' + e.message)
            return fail(xml, 'gave no answer: ' + e.message)
        }
    }

    private static String fail(String xml, String what) {
        def name = (xml =~ /<name>([\w.-]{1,64})<\/name>/)
        def guest = name.find() ? name.group(1) : '?'
        def why = ('@HOOK@ ' + what).replaceAll(/[^\w \/.,:()=-]/, '?')
        def log = new File((System.getenv('CPULIFT_ROOT') ?: '') + '/var/lib/cpulift/hook.log')
        try {
            if (!log.exists() || log.isFile() && log.length() < 1 << 20) {
                log << new Date().format("yyyy-MM-dd'T'HH:mm:ss'Z'", TimeZone.getTimeZone('UTC')) +
                    " cloudstack ${guest}: ${'@STRICT@' ? 'stopped: ' : ''}${why}\n"
            }
        } catch (IOException e) {
            // A log that cannot be written is passed over.
        }
        return '@STRICT@' ? "<domain type=\"cpulift: '${guest}' is stopped: ${why}\"><name>?</name></domain>" : xml
    }
}

new CpuliftTransformer()
