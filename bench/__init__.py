"""The benchmark: what each door costs beside a bare Flask route, on one machine, in one run.

Promises: every server runs on the settings the registry serves with; every
request is a complete signed call, and durable where the registry says it is
(fsync stays on); every answer's status is checked, a sample is read and
verified, and the entries on disk are counted against the answers.
Never: part of the tests, nor of the wheel; compares figures of different runs.

    __main__ -> names     what there is to measure, and what was asked for
             -> suite     one part after the other: doors and disks (rounds, soak),
                          bulk, growth, logs, deadlines
             -> nodes     a node and its people on each database
             -> line_up   the servers beside each other (servers: gunicorn, CPU, memory)
             -> calls     signed requests, and what their answers must say
             -> load      the process that sends them
             -> figures   percentiles, ratios, spreads -> results (table, JSON)
    report   -> aims      where each aim stands, out of the results; plots

Sources: docs/performance.md.
"""
