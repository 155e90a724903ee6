# cairn-measure runs in the initramfs: libtomcrypt, and OpenSSL only inside tpm2-tss.
add_executable(cairn-measure cairn_measure.c)
target_link_libraries(cairn-measure PRIVATE cairn_boot_measure_device cairn_crypto_tomcrypt cairn_flags)
