import { explain, integer, limits, neutralTarget, number, secret, section, text } from '../setting.ts'

export const monitoringSettings = section('Health, history, alerts', {
  health: {
    ...explain(
      "The limits at which a probe becomes a WARNING and CRITICAL: response time of static pages and of the API in milliseconds, remaining percentage of the certificate's lifetime, jobs waiting, seconds that the oldest job has waited, percentage of the VPS's disk in use, restarts of a container within an hour, seconds by which a clock is off.",
      {
        staticMs: limits('HEALTH_STATIC_MS', '200,1000'),
        apiMs: limits('HEALTH_API_MS', '500,2000'),
        /** A lower value is worse. */
        certificatePercent: limits('HEALTH_CERTIFICATE_PERCENT', '25,12.5'),
        queueJobs: limits('HEALTH_QUEUE_JOBS', '100,1000'),
        queueSeconds: limits('HEALTH_QUEUE_SECONDS', '300,1800'),
        diskPercent: limits('HEALTH_DISK_PERCENT', '80,90'),
        restarts: limits('HEALTH_RESTARTS', '1,3'),
        clockSeconds: limits('HEALTH_CLOCK_SECONDS', '5,60'),
      },
    ),
    ...explain(
      "Two or more targets (HOST:PORT) outside both clouds. If none of them answers, this machine's network is down or intercepted: the result is UNKNOWN, not an outage. A target must answer with TLS and a valid certificate for HOST (a name or an address) from a public authority or one in CA_FILE, which a captive portal or a transparent proxy does not have. tcp://HOST:PORT needs only a connection, which such a portal also accepts. Addresses in brackets show whether this machine has IPv6.",
      {
        neutralTargets: text(
          'HEALTH_NEUTRAL_TARGETS',
          '1.1.1.1:443,9.9.9.9:443,[2606:4700:4700::1111]:443,[2620:fe::fe]:443',
          `^${neutralTarget}(,${neutralTarget})+$`,
          'two or more HOST:PORT (or tcp://HOST:PORT), separated by commas',
        ),
      },
    ),
    ...explain("Secret, optional: dead man's switch. Each check requests URL/start, then URL/<exit code>.", {
      pingUrl: secret('HEALTH_PING_URL'),
    }),
  },
  history: {
    ...explain(
      'The promised availability; the days for which individual samples and their hourly roll-ups are kept.',
      {
        sloPercent: number('SLO_PERCENT', '99.9', 50, 99.9999),
        sampleDays: integer('HISTORY_SAMPLE_DAYS', '35', 2, 400),
        days: integer('HISTORY_DAYS', '400', 32, 4000),
      },
    ),
  },
  alerts: {
    ...explain(
      'Secrets, optional: where alerts are sent. Set any number of them. ALERT_TEAMS_URL is the URL of a workflow. The three keys for e-mail must be set together. SMTP_URL is smtps://user:password@host:465 or smtp://user:password@host:587 (STARTTLS); in user and password, write @ as %40, : as %3A and / as %2F.',
      {
        webhook: secret('ALERT_WEBHOOK_URL'),
        slack: secret('ALERT_SLACK_URL'),
        teams: secret('ALERT_TEAMS_URL'),
      },
    ),
    email: {
      to: text(
        'ALERT_EMAIL_TO',
        '',
        '^$|^[^@\\s,]+@[^@\\s,]+(,[^@\\s,]+@[^@\\s,]+)*$',
        'e-mail addresses separated by commas, or empty',
      ),
      from: text('ALERT_EMAIL_FROM', '', '^$|^[^@\\s]+@[^@\\s]+$', 'an e-mail address, or empty'),
      smtp: secret('SMTP_URL'),
    },
  },
})
