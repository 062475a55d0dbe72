import tempfile
import unittest

from psycopg import conninfo

from dominion.settings import SettingsError, database_conninfo, load_settings, redis_url

AUTHORITIES = tempfile.NamedTemporaryFile()
GOOD = {
    'DATABASE_URL': 'postgresql://u:s3cret@db.example:5432/codexdb?sslmode=verify-full&sslrootcert=system',
    'PGSSLMODE': 'verify-full',
    'PGSSLROOTCERT': AUTHORITIES.name,
    'REDIS_URL': 'rediss://:s3cret@cache.example:10000/0',
    'SECRET_KEY': 'sixteen characters or more',
    'APP_ENV': 'production',
    'RELEASE': '20261122-1',
}


class SettingsTest(unittest.TestCase):
    def test_reads_a_good_environment(self):
        settings = load_settings(GOOD)
        self.assertEqual(settings.release, '20261122-1')
        options = conninfo.conninfo_to_dict(settings.database)
        self.assertEqual(options['sslrootcert'], AUTHORITIES.name)
        self.assertEqual(options['sslmode'], 'verify-full')
        self.assertEqual(options['password'], 's3cret')

    def test_reading_is_public_unless_the_environment_says_no(self):
        for value, public in ((None, True), ('', True), ('yes', True), ('no', False)):
            change = {} if value is None else {'PUBLIC_READS': value}
            self.assertIs(load_settings({**GOOD, **change}).public_reads, public)
        for value in ('false', '0', 'No', 'yes '):
            with self.subTest(value), self.assertRaisesRegex(SettingsError, 'PUBLIC_READS'):
                load_settings({**GOOD, 'PUBLIC_READS': value})

    def test_names_every_fault_at_once_and_no_value(self):
        with self.assertRaises(SettingsError) as caught:
            load_settings({'DATABASE_URL': 'postgresql://u:s3cret@[', 'REDIS_URL': 'http://:s3cret@x/0'})
        for name in ('DATABASE_URL', 'REDIS_URL', 'SECRET_KEY'):
            self.assertIn(name, str(caught.exception))
        self.assertNotIn('s3cret', str(caught.exception))

    def test_verification_cannot_be_turned_off_in_production(self):
        for change in ({'PGSSLMODE': 'require'}, {'REDIS_URL': 'redis://:k@cache.example:6379/0'}):
            with self.subTest(change), self.assertRaises(SettingsError):
                load_settings({**GOOD, **change})

    def test_address_decides_when_libpq_variables_are_absent(self):
        address = f'postgresql://u@h/d?sslmode=verify-full&sslrootcert={AUTHORITIES.name}'
        options = conninfo.conninfo_to_dict(database_conninfo({'DATABASE_URL': address}))
        self.assertEqual(options['sslrootcert'], AUTHORITIES.name)

    def test_system_authorities_come_from_ssl_cert_file(self):
        environ = {'DATABASE_URL': 'postgresql://u@h/d?sslrootcert=system', 'SSL_CERT_FILE': AUTHORITIES.name}
        options = conninfo.conninfo_to_dict(database_conninfo(environ))
        self.assertEqual(options['sslrootcert'], AUTHORITIES.name)
        self.assertEqual(options['sslmode'], 'verify-full')

    def test_missing_authority_file_is_named(self):
        with self.assertRaisesRegex(SettingsError, '/nowhere/ca.pem'):
            database_conninfo({**GOOD, 'PGSSLROOTCERT': '/nowhere/ca.pem'})

    def test_worker_may_have_only_rqs_own_variable(self):
        self.assertEqual(redis_url({'RQ_REDIS_URL': 'rediss://:k@h:10000/0'}), 'rediss://:k@h:10000/0')
