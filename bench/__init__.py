"""The benchmark: what each door costs beside a bare Flask route, on one machine, in one run.

Promises: every server runs on the settings the registry serves with; every
request is a complete signed call, and durable where the registry says it is
(fsync stays on); every answer's status is checked, a sample is read and
verified, and the entries on disk are counted against the answers.
Never: part of the tests, nor of the wheel; compares figures of different runs.

    __main__ -> machine   who measures
             -> nodes     a node and its people on each database
             -> servers   gunicorn on the registry's settings; CPU and memory
             -> calls     signed requests, and what their answers must say
             -> load      the process that sends them
             -> figures   percentiles, ratios, spreads -> results (table, JSON)

Sources: docs/performance.md.
"""
