// Package archtest holds the rules of the architecture as tests: who may import whom, which outside modules a package may use, how
// large a file and a package may grow, and what deciders must never do. A package that is not in the table fails: say where it
// belongs before it grows.
package archtest
