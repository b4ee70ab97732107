package proofzip

var NewReaderWithin = newReader
