package atomicfile

// WithoutUnnamed calls work as it runs where no file can be made without a name.
func WithoutUnnamed(work func()) {
	defer noUnnamed.Store(noUnnamed.Swap(true))
	work()
}
