<?php
// Carries out in the container of a site what a role beside it asks for (run), one command after the other.
// A message has a letter, a length (4 bytes, network order) and data. In: "c" a command (JSON: argv, cwd, env), "i" its input
// (nothing: that was all). Out: "o" and "e" what it prints, "x" the code with which it has ended.
// Usage: php serve.php SOCKET

$server = stream_socket_server("unix://{$argv[1]}", $code, $words);
if (!$server) {
    fwrite(STDERR, "No socket can be made: $words\n");
    exit(1);
}
while ($client = stream_socket_accept($server, -1)) {
    serve($client);
    fclose($client);
}

function serve($client): void
{
    [$kind, $data] = receive($client);
    $command = $kind === 'c' ? json_decode($data, true) : null;
    if (!$command) {
        return;
    }
    $environment = $command['env'] + getenv();
    // A folder may be of the other container only.
    $folder = is_dir($command['cwd']) ? $command['cwd'] : '/';
    $process = @proc_open($command['argv'], [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes, $folder, $environment);
    if (!$process) {
        send($client, 'e', "{$command['argv'][0]}: " . (error_get_last()['message'] ?? 'it cannot be started') . "\n");
        send($client, 'x', '127');
        return;
    }
    foreach ($pipes as $pipe) {
        stream_set_blocking($pipe, false);
    }
    [$input, $output, $errors] = $pipes;
    $waiting = '';
    $isWhole = false;
    $open = ['o' => $output, 'e' => $errors];
    while ($open) {
        $readable = [...$open, 'client' => $client];
        $writable = $input && $waiting !== '' ? [$input] : [];
        $none = null;
        if (stream_select($readable, $writable, $none, null) === false) {
            break;
        }
        if (isset($readable['client'])) {
            [$kind, $data] = receive($client);
            if ($kind !== 'i') {
                // Nobody waits for it any more.
                proc_terminate($process, 9);
                break;
            }
            $waiting .= $data;
            $isWhole = $data === '';
        }
        if ($input && $waiting !== '') {
            $written = @fwrite($input, $waiting);
            // It does not want any more.
            $waiting = $written === false ? '' : substr($waiting, $written);
        }
        if ($input && $isWhole && $waiting === '') {
            fclose($input);
            $input = null;
        }
        foreach (array_intersect_key($open, $readable) as $letter => $pipe) {
            $data = fread($pipe, 65536);
            if ($data !== '' && $data !== false) {
                send($client, $letter, $data);
            } elseif (feof($pipe)) {
                unset($open[$letter]);
            }
        }
    }
    send($client, 'x', (string) ended($process));
}

/** Its code; of one that a signal has ended what a shell says. */
function ended($process): int
{
    for (;;) {
        $status = proc_get_status($process);
        if (!$status['running']) {
            return $status['signaled'] ? 128 + $status['termsig'] : $status['exitcode'];
        }
        usleep(5000);
    }
}

/** Letter and data; nothing, where the other side has gone. */
function receive($client): array
{
    $head = take($client, 5);
    if ($head === null) {
        return ['', ''];
    }
    $data = take($client, unpack('N', $head, 1)[1]);
    return $data === null ? ['', ''] : [$head[0], $data];
}

function take($client, int $length): ?string
{
    $data = '';
    while (strlen($data) < $length) {
        $more = fread($client, $length - strlen($data));
        if ($more === false || $more === '') {
            return null;
        }
        $data .= $more;
    }
    return $data;
}

function send($client, string $kind, string $data): void
{
    $message = $kind . pack('N', strlen($data)) . $data;
    while ($message !== '') {
        $written = @fwrite($client, $message);
        if (!$written) {
            return;
        }
        $message = substr($message, $written);
    }
}
