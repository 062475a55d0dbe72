# Makes HTTP requests in parallel and prints a line of JSON for each. Standard input: JSON with `authorities` (PEM, trusted
# besides this machine's own) and `requests` ({url, method, headers, timeoutMs}). Each uses its own connection;
# redirects are answers. Phases are milliseconds from the request's start to the end of each.
import base64, concurrent.futures, errno, http.client, json, socket, ssl, sys, threading, time
from urllib.parse import urlsplit

MOST = 1 << 20
asked = json.load(sys.stdin)
trust = ssl.create_default_context()
for authority in asked['authorities']:
    trust.load_verify_locations(cadata=authority)
printing = threading.Lock()


def answer(wanted):
    url = urlsplit(wanted['url'])
    secured = url.scheme == 'https'
    began = time.monotonic()
    until = began + wanted['timeoutMs'] / 1000
    phases, sock = {}, None

    def done(phase):
        phases[phase] = round((time.monotonic() - began) * 1000, 1)
        if phase == 'total':
            return
        left = until - time.monotonic()
        if left <= 0:
            raise socket.timeout('timed out')
        if sock is not None:
            sock.settimeout(left)

    try:
        port = url.port or (443 if secured else 80)
        found = socket.getaddrinfo(url.hostname, port, type=socket.SOCK_STREAM)
        done('dns')
        sock = connected(found, until)
        done('connect')
        certificate = None
        if secured:
            sock = trust.wrap_socket(sock, server_hostname=url.hostname)
            done('tls')
            certificate = base64.b64encode(sock.getpeercert(binary_form=True)).decode()
        connection = http.client.HTTPConnection(url.hostname, port)
        connection.sock = sock
        path = (url.path or '/') + ('?' + url.query if url.query else '')
        connection.request(wanted['method'], path, headers={'Host': url.netloc.rpartition('@')[2], **wanted['headers'], 'Connection': 'close'})
        response = connection.getresponse()
        done('firstByte')
        body = response.read(MOST).decode('utf-8', 'replace')
        done('total')  # the socket is already closed
        headers = {name.lower(): value for name, value in response.getheaders()}
        return {'status': response.status, 'headers': headers, 'body': body, 'phases': phases, 'certificate': certificate}
    finally:
        if sock is not None:
            sock.close()


def connected(found, until):
    for at, (family, kind, protocol, _, address) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.1, until - time.monotonic()))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError:
            sock.close()
            if at == len(found) - 1:
                raise


# The names that Node has for these failures.
def failure(error):
    if isinstance(error, socket.gaierror):
        absent = {getattr(socket, name) for name in ('EAI_NONAME', 'EAI_NODATA') if hasattr(socket, name)}
        return {'code': 'ENOTFOUND' if error.errno in absent else 'EAI_AGAIN', 'message': error.strerror}
    if isinstance(error, ssl.SSLCertVerificationError):
        return {'code': 'CERT_UNTRUSTED', 'message': error.verify_message or str(error)}
    if isinstance(error, socket.timeout):
        return {'code': 'ETIMEDOUT', 'message': 'no answer in time'}
    if isinstance(error, ssl.SSLError):
        return {'code': 'ERR_SSL', 'message': error.reason or str(error)}
    if isinstance(error, http.client.HTTPException):
        return {'code': 'HPE_INVALID', 'message': 'no HTTP answer: ' + type(error).__name__}
    return {'code': errno.errorcode.get(getattr(error, 'errno', None), 'EFAILED'), 'message': str(error)}


def run(index, wanted):
    try:
        said = answer(wanted)
    except Exception as error:
        said = {'error': failure(error)}
    with printing:
        print(json.dumps({'index': index, **said}), flush=True)


with concurrent.futures.ThreadPoolExecutor(64) as threads:
    for index, wanted in enumerate(asked['requests']):
        threads.submit(run, index, wanted)
