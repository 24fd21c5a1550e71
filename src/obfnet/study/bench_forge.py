def bench_forge(folder, seed, command):
    raise SystemExit
