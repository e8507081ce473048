//go:build !soak

package gatebook

// trialsOfEach is how often each kind of damage is tried.
const trialsOfEach = 2
