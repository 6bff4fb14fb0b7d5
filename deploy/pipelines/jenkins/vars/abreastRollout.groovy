/**
 * Starts a rollout with abreast, waits for it, and fails the build with the explanation if it did not succeed.
 *
 *     abreastRollout version: 'v2', url: 'https://abreast.example:8081', credentials: 'abreast-operator'
 *
 * version, url and credentials (of a "secret text") are needed; the others have the defaults below. ca is a file of
 * PEM certificates to trust instead of the usual ones.
 */
def call(Map options) {
    Map settings = [
        command: 'abreast',
        reason: env.BUILD_TAG,
        timeout: '2h',
        haltedFor: '30m',
        onInterrupt: 'keep',
        report: 'abreast-rollout.md'
    ]
    settings.putAll(options)
    for (name in ['version', 'url', 'credentials']) {
        if (!settings[name]) {
            error("abreastRollout: ${name} is missing; see docs/pipelines.md")
        }
    }
    List variables = [
        "ABREAST_URL=${settings.url}",
        "COMMAND=${settings.command}",
        "VERSION=${settings.version}",
        "REASON=${settings.reason}",
        "TIMEOUT=${settings.timeout}",
        "HALTED_FOR=${settings.haltedFor}",
        "ON_INTERRUPT=${settings.onInterrupt}",
        "REPORT=${settings.report}"
    ]
    if (settings.ca) {
        variables.add("ABREAST_CA=${settings.ca}")
    }
    withCredentials([string(credentialsId: settings.credentials, variable: 'ABREAST_TOKEN')]) {
        withEnv(variables) {
            try {
                // In single quotes: the shell puts the values in, so nothing in them is a command.
                sh(label: "rollout of ${settings.version}", script: '''
                    "$COMMAND" start --wait --join --report "$REPORT" \\
                        --reason "$REASON" --timeout "$TIMEOUT" --halted-for "$HALTED_FOR" \\
                        --on-interrupt "$ON_INTERRUPT" -- "$VERSION"
                ''')
            } finally {
                archiveArtifacts(artifacts: settings.report, allowEmptyArchive: true)
            }
        }
    }
}
